import { useEffect, useRef, type RefObject } from 'react';

let arrivals = 0;

/**
 * Focuses the heading of a page that replaces another one, such as after sign-in: the focused element is gone, and a
 * screen reader would start at the top of the document again. Not for the first page, and not if another element has
 * the focus.
 */
export function useArrival(): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const isLost = document.activeElement === null || document.activeElement === document.body;
    if (arrivals > 0 && isLost) heading.current?.focus({ preventScroll: true });
    arrivals += 1;
  }, []);
  return heading;
}

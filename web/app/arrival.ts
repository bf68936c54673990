import { useEffect, useRef, type RefObject } from 'react';

/**
 * Focuses an element if the focused one is gone: otherwise the keyboard and a screen reader would start at the top of
 * the document again.
 */
export function focusIfLost(element: HTMLElement | null): void {
  const isLost = document.activeElement === null || document.activeElement === document.body;
  if (isLost) element?.focus({ preventScroll: true });
}

let arrivals = 0;

/**
 * Focuses the heading of a page that replaces another one, such as after sign-in. Not for the first page, and not if
 * another element has the focus.
 */
export function useArrival(): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (arrivals > 0) focusIfLost(heading.current);
    arrivals += 1;
  }, []);
  return heading;
}

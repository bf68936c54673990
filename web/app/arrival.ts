import { useEffect, useRef, type RefObject } from 'react';

let arrivals = 0;

/**
 * Puts the focus on the heading of a page that takes another's place, such as after sign-in: what had it is gone, and a screen reader would
 * begin at the top of the document again. The first page that opens is left alone, as is a focus that is somewhere already.
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

import { type RefObject, useEffect, useRef } from 'react';

/**
 * Focuses the first wrong field of a form when it is known what is wrong, so that it is read out.
 *
 * @param faults by field; another object for each attempt, and the same one until the next
 */
export function useFocusOnFault(faults: Readonly<Record<string, string>>): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (Object.keys(faults).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [faults]);
  return form;
}

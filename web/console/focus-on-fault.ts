import { type RefObject, useEffect, useRef } from 'react';

/** Focuses the first wrong field of a form when it is known what is wrong, so that it is read out. @param faults by field */
export function useFocusOnFault(faults: Readonly<Record<string, string>>): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  const names = Object.keys(faults).join();
  useEffect(() => {
    if (names !== '') form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [names]);
  return form;
}

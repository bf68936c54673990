import { useHash } from './hash.js';

/** The views of a signed-in user, as named in the URL after `#`. */
export const VIEWS = [
  { id: 'live', label: 'Live' },
  { id: 'sessions', label: 'Sessions' },
  { id: 'account', label: 'Account' },
] as const;

/** One of {@link VIEWS}. */
export type View = (typeof VIEWS)[number]['id'];

/** The view in the URL; the first one for anything else. */
export function useView(): View {
  const hash = useHash();
  return VIEWS.find(({ id }) => hash === `#${id}`)?.id ?? VIEWS[0].id;
}

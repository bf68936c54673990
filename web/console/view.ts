import { useHash } from '../app/hash.js';

/** The views, as named in the URL after `#`. */
export const VIEWS = [
  { id: 'overview', label: 'Overview' },
  { id: 'viewers', label: 'Viewers' },
  { id: 'publish', label: 'Publish' },
  { id: 'keys', label: 'Keys' },
  { id: 'audit', label: 'Audit' },
] as const;

/** One of {@link VIEWS}. */
export type ViewName = (typeof VIEWS)[number]['id'];

/** A view, and what it is about, such as a viewer id. */
export interface View {
  readonly name: ViewName;
  readonly subject: string;
}

/** The view in the URL; the first one for anything else. */
export function useView(): View {
  const hash = useHash();
  const [, name, subject = ''] = /^#([a-z]+)(?:\/(.*))?$/.exec(hash) ?? [];
  return { name: VIEWS.find(({ id }) => id === name)?.id ?? VIEWS[0].id, subject: decoded(subject) };
}

/** The address of a view. */
export function hrefOf(name: ViewName, subject = ''): string {
  return subject === '' ? `#${name}` : `#${name}/${encodeURIComponent(subject)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

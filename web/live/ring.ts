/** The last `limit` items, newest last, so that hours of events take bounded memory. */
export function appended<T>(items: readonly T[], item: T, limit: number): readonly T[] {
  return items.length < limit ? [...items, item] : [...items.slice(items.length - limit + 1), item];
}

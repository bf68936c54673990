/** The last `limit` items, newest last: what is received for hours takes no more room than this. */
export function appended<T>(items: readonly T[], item: T, limit: number): readonly T[] {
  return items.length < limit ? [...items, item] : [...items.slice(items.length - limit + 1), item];
}

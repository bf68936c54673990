/**
 * Resolves to the promise's value, or to `late` if it takes longer than `limitMs`; until then it rejects as the promise
 * does. If this process itself was paused, a result that arrived in the meantime still counts.
 */
export function within<T, L>(limitMs: number, promise: Promise<T>, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<L>((resolve) => {
    timer = setTimeout(() => setImmediate(resolve, late), limitMs);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}

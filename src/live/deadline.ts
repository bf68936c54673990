/**
 * What a promise resolves to, or `late` where it takes longer than `limitMs`; rejects as the promise does until then.
 * Where this process itself stood still, an answer that came meanwhile is read first.
 */
export function within<T, L>(limitMs: number, promise: Promise<T>, late: L): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<L>((resolve) => {
    timer = setTimeout(() => setImmediate(resolve, late), limitMs);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}

/** Applies TypeScript-style decorators by hand: the peers run as plain JavaScript, without a build. */
export function decorate(target, { on = [], method, parameters = {} }) {
  if (method === undefined) return on.reduceRight((type, decorator) => decorator(type) ?? type, target);
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, method);
  for (const [index, decorator] of Object.entries(parameters)) decorator(target.prototype, method, Number(index));
  for (const decorator of on.toReversed()) decorator(target.prototype, method, descriptor);
  if (descriptor) Object.defineProperty(target.prototype, method, descriptor);
  return target;
}

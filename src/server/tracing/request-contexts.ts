import { type Context, type ContextManager, ROOT_CONTEXT } from '@opentelemetry/api';
import { currentContext, inContext } from '../../live/logging/request-id.js';

/**
 * OpenTelemetry's context of the current request, in the storage that also has the request's id: a second storage would
 * cost as much again. Outside of requests there is none, since sockets do not use the storage.
 */
export class RequestContexts implements ContextManager {
  active(): Context {
    return currentContext() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return inContext(context, () => run.call(thisArg, ...args));
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const bound = (...args: unknown[]): unknown =>
      inContext(context, () => Reflect.apply(target, undefined, args) as unknown);
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

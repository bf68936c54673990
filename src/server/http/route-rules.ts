import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { HttpRefusalError } from '../../live/errors/sallyport.errors.js';

/**
 * Checks of one route besides its handler. They are attached to the route itself, so they apply to every spelling of
 * the path.
 */
export interface RouteRule {
  /** The path as the route was registered, such as `/graphql`. */
  readonly path: string;
  /** The allowed methods; others are answered with 405, even if the route registers them. */
  readonly methods: readonly string[];
  /** What a client with another method should do instead; part of the 405's message. */
  readonly methodHint?: string;
  /** The largest body, in bytes, with or without a `Content-Length`. */
  readonly bodyLimitBytes: number;
  /** Runs before the body is read. Throws to refuse the request; may set response headers. */
  readonly admit: (request: FastifyRequest, reply: FastifyReply) => Promise<void> | void;
  /** Answers refused requests, if the route has its own error format. */
  readonly answerError?: (error: unknown, reply: FastifyReply) => void;
}

/**
 * Attaches rules to their routes. Called before the routes are registered.
 *
 * @throws at the end of the start if a rule's path is not a route, which is a mistake
 */
export function applyRouteRules(fastify: FastifyInstance, rules: readonly RouteRule[]): void {
  const byPath = new Map(rules.map((rule) => [rule.path, rule]));
  const applied = new Set<string>();
  fastify.addHook('onRoute', (route) => {
    const rule = byPath.get(route.url);
    if (!rule) return;
    applied.add(rule.path);
    applyRule(route, rule);
  });
  fastify.addHook('onReady', async () => {
    const idle = rules.find(({ path }) => !applied.has(path));
    if (idle) throw new Error(`There is a rule for ${idle.path}, and no such route.`);
  });
}

function applyRule(route: RouteOptions, rule: RouteRule): void {
  const { answerError } = rule;
  route.bodyLimit = rule.bodyLimitBytes;
  route.onRequest = [
    async (request: FastifyRequest, reply: FastifyReply) => {
      const allow = rule.methods.join(', ');
      // A preflight from an allowed origin was answered before this.
      if (request.method === 'OPTIONS') return reply.code(204).header('Allow', allow).send();
      if (!rule.methods.includes(request.method)) throw new HttpRefusalError(405, refusedMethod(rule), allow);
      await rule.admit(request, reply);
      return undefined;
    },
    ...[route.onRequest ?? []].flat(),
  ];
  if (answerError) route.errorHandler = (error, _request, reply) => answerError(error, reply);
}

function refusedMethod({ methods, methodHint }: RouteRule): string {
  return [`This path supports only ${methods.join(', ')}.`, ...(methodHint ? [methodHint] : [])].join(' ');
}

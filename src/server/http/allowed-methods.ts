import { METHODS } from 'node:http';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpRefusalError } from '../../live/errors/sallyport.errors.js';

/** Handled for every path at once: browsers use it for preflights. */
const EVERY_PATH = '*';
const PREFLIGHT = 'OPTIONS';

/**
 * Answers 405 with `Allow` for an existing path with an unsupported method (RFC 9110 §15.5.6), and 204 with `Allow` for
 * `OPTIONS` (§9.3.7), where Fastify would answer 404. It observes the registered routes, and adds the missing methods to
 * each path.
 */
@Injectable()
export class AllowedMethods implements OnApplicationBootstrap {
  readonly #fastify: FastifyInstance;
  readonly #methods = new Map<string, Set<string>>();

  constructor(host: HttpAdapterHost) {
    this.#fastify = host.httpAdapter.getInstance<FastifyInstance>();
    const unknown = METHODS.filter((method) => !this.#fastify.supportedMethods.includes(method));
    for (const method of unknown) this.#fastify.addHttpMethod(method);
    this.#fastify.addHook('onRoute', ({ url, method }) => {
      const known = this.#methods.get(url) ?? new Set();
      for (const one of [method].flat()) known.add(one);
      this.#methods.set(url, known);
    });
  }

  /** All routes are registered now, and the server does not listen yet. */
  onApplicationBootstrap(): void {
    for (const [url, taken] of [...this.#methods]) if (url !== EVERY_PATH) this.#addOthers(url, [...taken]);
  }

  #addOthers(url: string, taken: readonly string[]): void {
    const others = this.#fastify.supportedMethods.filter((method) => !taken.includes(method) && method !== PREFLIGHT);
    const allow = taken
      .filter((method) => method !== PREFLIGHT)
      .sort()
      .join(', ');
    const refuse = async (): Promise<never> => {
      throw new HttpRefusalError(405, `This path supports only ${allow}.`, allow);
    };
    if (others.length > 0) this.#fastify.route({ method: others, url, onRequest: refuse, handler: refuse });
    if (taken.includes(PREFLIGHT)) return;
    const answer = async (_request: FastifyRequest, reply: FastifyReply) =>
      reply.code(204).header('Allow', allow).send();
    this.#fastify.route({ method: PREFLIGHT, url, onRequest: answer, handler: answer });
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { HttpRefusalError } from '../errors/http-refusal.error.js';
import type { RouteRule } from '../http/route-rules.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { HeldBodies } from './held-bodies.js';

/** The largest body of a request, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** What holds for `POST /publish` before its body is read: a live key, a length within bounds, and room to hold it. */
@Injectable()
export class PublishRule implements RouteRule {
  readonly path = '/publish';
  readonly methods = ['POST'];
  readonly bodyLimitBytes = MAX_BODY_BYTES;

  constructor(
    private readonly guard: ApiKeyGuard,
    private readonly held: HeldBodies,
  ) {}

  readonly admit: RouteRule['admit'] = async (request, reply) => {
    const key = await this.guard.admit(request);
    const release = this.held.hold(key, announcedBytes(request));
    reply.raw.once('close', release);
  };
}

/** A body whose length is not announced may be as large as any. */
function announcedBytes({ headers }: FastifyRequest): number {
  const length = Number(headers['content-length'] ?? MAX_BODY_BYTES);
  if (length > MAX_BODY_BYTES)
    throw new HttpRefusalError(413, `The body is too large: at most ${MAX_BODY_BYTES} bytes.`);
  return length;
}

import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { APP_PROXY_CONFIG, type AppProxyConfig, HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { ForbiddenError, NotFoundError } from '../../live/errors/sallyport.errors.js';
import { type AddressRange, clientAddress } from '../../live/viewer/client-address.js';
import { forwardedVisitor } from './forwarded-visitor.js';
import { admitVisitor } from './proxied-request.js';
import { readProxyVisit } from './signature/proxy-visit.js';
import { VisitAudit } from './visit-audit.js';

/**
 * Admits only requests that the shop's proxy has signed. A refusal does not tell the client the reason; the log has it.
 * Without `APP_PROXY_SECRET` the routes do not exist.
 */
@Injectable()
export class AppProxyGuard implements CanActivate {
  readonly #shops: ReadonlySet<string>;
  readonly #trusted: readonly AddressRange[];

  constructor(
    @Inject(APP_PROXY_CONFIG) private readonly config: AppProxyConfig,
    @Inject(HTTP_CONFIG) http: HttpConfig,
    private readonly audit: VisitAudit,
  ) {
    this.#shops = new Set(config.shops.map((shop) => shop.domain));
    this.#trusted = http.trustedProxies;
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { secret } = this.config;
    if (secret === null) throw new NotFoundError('The app proxy is off: APP_PROXY_SECRET is not set.');
    const rules = { secret, shops: this.#shops, nowMs: Date.now() };
    const verdict = readProxyVisit(rawQueryOf(request.raw.url), rules);
    const peer = request.raw.socket.remoteAddress;
    const forwardedFor = [request.headers['x-forwarded-for'] ?? []].flat().join() || undefined;
    if (!verdict.ok) {
      this.audit.refused(verdict.reason, clientAddress(peer, forwardedFor, this.#trusted));
      throw new ForbiddenError("Only requests that the shop's proxy has signed are answered here.");
    }
    const address = forwardedVisitor(peer, forwardedFor, this.#trusted);
    const visitor = { ...verdict.visit, client: { address, userAgent: request.headers['user-agent'] ?? null } };
    this.audit.admitted(visitor);
    admitVisitor(request, visitor);
    return true;
  }
}

function rawQueryOf(url = ''): string {
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start + 1);
}

import { Controller, Get, Header, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AppProxyGuard } from './app-proxy.guard.js';
import { LivePage } from './page/live-page.js';
import { loginPage } from './page/login-page.js';
import { CurrentVisitor, type Visitor } from './proxied-request.js';
import { PageTokens } from './token/page-tokens.js';

/** Headers of our own pages that would apply to the shop's whole page, or let other sites read it. */
const NOT_FOR_SHOPS = [
  'content-security-policy',
  'x-frame-options',
  'cross-origin-embedder-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'strict-transport-security',
  'access-control-allow-origin',
  'access-control-allow-credentials',
];

/**
 * Requests that a shop's proxy forwards. The path after `/app-proxy` is chosen by merchant and visitor, so it is
 * ignored.
 */
@Controller('app-proxy')
@UseGuards(AppProxyGuard)
export class AppProxyController {
  constructor(
    private readonly tokens: PageTokens,
    private readonly page: LivePage,
  ) {}

  /** A new token for an open page, before its old one expires. */
  @Get('token')
  @Header('Cache-Control', 'private, no-store')
  @Header('X-Content-Type-Options', 'nosniff')
  async token(
    @CurrentVisitor() visitor: Visitor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IssuedBody> {
    for (const name of NOT_FOR_SHOPS) reply.removeHeader(name);
    const { token, expiresAt } = await this.tokens.issue(visitor);
    return { token, expiresAt: expiresAt.toISOString() };
  }

  /** The page, or a redirect to the shop's login. */
  @Get(['', '*'])
  @Header('Content-Type', 'application/liquid')
  @Header('Cache-Control', 'private, no-store')
  @Header('Referrer-Policy', 'strict-origin-when-cross-origin')
  @Header('X-Content-Type-Options', 'nosniff')
  async show(@CurrentVisitor() visitor: Visitor, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    for (const name of NOT_FOR_SHOPS) reply.removeHeader(name);
    if (visitor.customerId === null) return loginPage(visitor.pathPrefix);
    return this.page.render(await this.tokens.issue(visitor), visitor.pathPrefix);
  }
}

interface IssuedBody {
  readonly token: string;
  readonly expiresAt: string;
}

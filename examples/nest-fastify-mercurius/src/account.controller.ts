import { Body, Controller, Get, Header, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Sallyport } from 'sallyport';
import { SessionService } from './session.service.js';

/** A stand-in for your table of users, which keeps hashes of passwords. */
const PASSWORDS = new Map([
  ['ada', 'demo'],
  ['bob', 'demo'],
]);

@Controller()
export class AccountController {
  constructor(
    private readonly sessions: SessionService,
    private readonly sallyport: Sallyport,
  ) {}

  @Post('sign-in')
  @HttpCode(204)
  async signIn(
    @Req() request: FastifyRequest,
    @Body() { name, password }: { name: string; password: string },
  ): Promise<void> {
    if (password === undefined || PASSWORDS.get(name) !== password) throw new UnauthorizedException();
    await this.#endSession(request);
    this.sessions.open(request, name);
  }

  /** What the page asks before each connection. */
  @Get('live-token')
  @Header('Cache-Control', 'no-store')
  async liveToken(@Req() request: FastifyRequest): Promise<object> {
    const signed = await this.sallyport.connectionToken(request);
    if (!signed) throw new UnauthorizedException();
    return signed;
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: FastifyRequest): Promise<void> {
    await this.#endSession(request);
    request.session.delete();
  }

  /** Its sockets close with 4401 at once, on every node. */
  async #endSession(request: FastifyRequest): Promise<void> {
    const session = this.sessions.end(request);
    if (session !== undefined) await this.sallyport.revokeSession(session);
  }
}

import { promisify } from 'node:util';
import { Body, Controller, Get, Header, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { Sallyport } from 'sallyport';

/** A stand-in for your table of users, which keeps hashes of passwords. */
const PASSWORDS = new Map([
  ['ada', 'demo'],
  ['bob', 'demo'],
]);

@Controller()
export class AccountController {
  constructor(private readonly sallyport: Sallyport) {}

  @Post('sign-in')
  @HttpCode(204)
  async signIn(@Req() request: Request, @Body() { name, password }: { name: string; password: string }): Promise<void> {
    if (password === undefined || PASSWORDS.get(name) !== password) throw new UnauthorizedException();
    const { sessionID, session } = request;
    const wasSignedIn = session.user !== undefined;
    await promisify(session.regenerate.bind(session))();
    // The session that the browser had has ended, as at a sign-out.
    if (wasSignedIn) await this.sallyport.revokeSession(sessionID);
    request.session.user = name;
  }

  /** What the page asks before each connection. */
  @Get('live-token')
  @Header('Cache-Control', 'no-store')
  async liveToken(@Req() request: Request): Promise<object> {
    const signed = await this.sallyport.connectionToken(request);
    if (!signed) throw new UnauthorizedException();
    return signed;
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Req() request: Request): Promise<void> {
    const { sessionID, session } = request;
    const wasSignedIn = session.user !== undefined;
    await promisify(session.destroy.bind(session))();
    // Its sockets close with 4401 at once, on every node. Without a cookie the id is new: there is nothing to revoke.
    if (wasSignedIn) await this.sallyport.revokeSession(sessionID);
  }
}

import { Injectable } from '@nestjs/common';
import type { ContextCookies } from '../../live/viewer/graphql-context.js';
import { SessionCookie } from '../sessions/session-cookie.js';
import { DeviceCookie } from './device-cookie.js';

/** The two cookies of a sign-in: the session's, and the one that identifies the device next time. */
@Injectable()
export class SignInCookies {
  constructor(
    private readonly session: SessionCookie,
    private readonly device: DeviceCookie,
  ) {}

  /** The device's id if it has signed in to the account with this e-mail before. @param email normalised */
  deviceOf({ sent }: ContextCookies, email: string): string | null {
    return this.device.recognise(sent, email);
  }

  /** Called after a sign-in or a registration. @param email normalised */
  signedIn(cookies: ContextCookies, secret: string, email: string): void {
    cookies.set(this.session.serialise(secret));
    cookies.set(this.device.issue(cookies.sent, email));
  }

  /** Called when this session's secret has changed. */
  renewed(cookies: ContextCookies, secret: string): void {
    cookies.set(this.session.serialise(secret));
  }

  /** Called when the account has been deleted. @param email normalised */
  deleted(cookies: ContextCookies, email: string): void {
    cookies.set(this.session.clear());
    cookies.set(this.device.forget(cookies.sent, email));
  }

  /** Called after a sign-out. The device stays known, because that is needed after a sign-out. */
  signedOut(cookies: ContextCookies): void {
    cookies.set(this.session.clear());
  }
}

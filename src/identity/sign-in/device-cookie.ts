import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { HTTP_CONFIG, type HttpConfig } from '../identity.config.js';
import { Keyring, type PurposeKeys } from '../../live/tokens/keyring.js';
import { clearedCookie, cookieValues } from '../sessions/cookie-values.js';

const NAME = 'sallyport_device';
const LIFETIME_SECONDS = 180 * 86_400;
/** The most accounts that one device is known to; the least recent sign-in is dropped. */
const MAX_ACCOUNTS = 8;
const ID_BYTES = 12;
const MAC_BYTES = 16;
/** `<id>.<seconds since the epoch, base 36>.<mac>`; several are separated by `~`. */
const ENTRY = /^([\w-]{16})\.([0-9a-z]{6,8})\.([\w-]{22})$/;

interface Entry {
  readonly text: string;
  readonly id: string;
  readonly issued: string;
  readonly mac: string;
}

/**
 * The cookie with which a device proves that it has signed in to an account before. It grants no access: the password
 * is still required. It only exempts the device from limits that other clients can exhaust.
 *
 * One entry per account: a random id, its time, and an HMAC of both with the account's e-mail. Neither the e-mail nor
 * the account can be read from it. Each sign-in creates a new entry; entries expire after 180 days, and survive a
 * sign-out. HttpOnly, SameSite=Lax, Path=/; on https `__Host-` and Secure, as the session's.
 */
@Injectable()
export class DeviceCookie {
  readonly #keys: PurposeKeys;
  readonly #name: string;
  readonly #attributes: string;

  constructor(keyring: Keyring, @Inject(HTTP_CONFIG) http: HttpConfig) {
    this.#keys = keyring.forPurpose('known-device');
    this.#name = http.secure ? `__Host-${NAME}` : NAME;
    this.#attributes = `Path=/; HttpOnly; SameSite=Lax${http.secure ? '; Secure' : ''}`;
  }

  /**
   * The id of the device if its cookie proves an earlier sign-in to this account, else null.
   *
   * @param cookieHeader the request's `Cookie` header
   * @param email normalised
   */
  recognise(cookieHeader: string | undefined, email: string): string | null {
    return this.#entries(cookieHeader).find((entry) => this.#isFor(entry, email))?.id ?? null;
  }

  /** The `Set-Cookie` value after a sign-in: a new entry for this account, replacing any older one. */
  issue(cookieHeader: string | undefined, email: string): string {
    const others = this.#entries(cookieHeader).filter((entry) => !this.#isFor(entry, email));
    const id = randomBytes(ID_BYTES).toString('base64url');
    const issued = nowSeconds().toString(36);
    const mac = macOf(this.#keys.current.key, id, issued, email).toString('base64url');
    const entries = [`${id}.${issued}.${mac}`, ...others.map(({ text }) => text)].slice(0, MAX_ACCOUNTS);
    return this.#serialise(entries);
  }

  /** The `Set-Cookie` value after an account is deleted: without its entry, or no cookie at all. */
  forget(cookieHeader: string | undefined, email: string): string {
    const others = this.#entries(cookieHeader).filter((entry) => !this.#isFor(entry, email));
    if (others.length === 0) return clearedCookie(this.#name, this.#attributes);
    return this.#serialise(others.map(({ text }) => text));
  }

  #serialise(entries: readonly string[]): string {
    return `${this.#name}=${entries.join('~')}; ${this.#attributes}; Max-Age=${LIFETIME_SECONDS}`;
  }

  /** Well-formed entries that are not too old; not yet verified for an account. */
  #entries(cookieHeader: string | undefined): Entry[] {
    const [value = ''] = cookieValues(cookieHeader, this.#name);
    return value.split('~', MAX_ACCOUNTS).flatMap((text) => {
      const [, id, issued, mac] = ENTRY.exec(text) ?? [];
      if (id === undefined || issued === undefined || mac === undefined) return [];
      const age = nowSeconds() - Number.parseInt(issued, 36);
      return age < LIFETIME_SECONDS ? [{ text, id, issued, mac }] : [];
    });
  }

  #isFor({ id, issued, mac }: Entry, email: string): boolean {
    const given = Buffer.from(mac, 'base64url');
    return this.#keys.all.some(({ key }) => timingSafeEqual(given, macOf(key, id, issued, email)));
  }
}

function macOf(key: Buffer, id: string, issued: string, email: string): Buffer {
  return createHmac('sha256', key).update(`${id}.${issued}\0${email}`).digest().subarray(0, MAC_BYTES);
}

function nowSeconds(): number {
  return Math.trunc(Date.now() / 1000);
}

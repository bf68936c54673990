import { createHmac, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import type { Logger } from 'pino';
import { LOGGER } from '../../../live/logging/logger.js';
import { Keyring, type PurposeKey, type PurposeKeys } from '../../../live/tokens/keyring.js';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../../identity.config.js';
import { addressBlock } from '../../../live/viewer/client-address.js';
import type { ClientFacts } from '../../../live/viewer/graphql-context.js';
import type { ViewerId } from '../../../live/viewer/viewer.js';

/** How much of a user agent is compared, in characters. */
const MAX_USER_AGENT_LENGTH = 512;

/** What is known about a page's or a socket's client; null if unknown. */
export interface BoundClient {
  readonly address: string | null;
  readonly userAgent: string | null;
}

/** The keyed hashes inside a token. Neither address nor user agent can be read from them. */
export interface ClientBinding {
  /** The key of the hashes. */
  readonly kid?: string;
  readonly ua?: string;
  readonly ip?: string;
  /** 4 or 6, to distinguish a different IP version from a different address. */
  readonly family?: number;
}

/** Which property differs, for the log. */
export type BindingMismatch = 'address' | 'address-family' | 'user-agent';

/**
 * Binds tokens to the client of their page, as `APP_PROXY_BIND` says: `ip+ua`, `ua` or `none`.
 *
 * Addresses are compared as a whole for IPv4 (mapped or not) and by /64 for IPv6, because privacy extensions change the
 * rest within one visit.
 */
@Injectable()
export class ClientBinder {
  readonly #keys: PurposeKeys;

  constructor(
    keyring: Keyring,
    @Inject(APP_PROXY_CONFIG) private readonly config: AppProxyConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#keys = keyring.forPurpose('customer-client');
  }

  /** Returns null if a property that the policy requires is unknown: there is then no token. */
  bind(client: BoundClient): ClientBinding | null {
    return this.#bindWith(this.#keys.current, client);
  }

  /** Whether a viewer's token comes from the client of its page. If not, the log says what differs. */
  isClientOf(viewer: ViewerId, binding: ClientBinding, { requestId, address, userAgent }: ClientFacts): boolean {
    const differs = this.mismatch(binding, { address, userAgent });
    if (differs === null) return true;
    this.logger.warn({ requestId, viewer, address, userAgent, differs }, "a shop's token came from another client");
    return false;
  }

  /**
   * Returns which property of the socket's client differs from the page's, or null if all that the policy requires are
   * equal.
   *
   * A page fetched over IPv4 and a socket over IPv6 (or the other way round) differ, because it is unknown which
   * addresses belong to one household. A token from a weaker policy, or with a removed key, lacks a hash and differs
   * too.
   */
  mismatch(binding: ClientBinding, client: BoundClient): BindingMismatch | null {
    if (this.config.bind === 'none') return null;
    const key = this.#keys.find(binding.kid ?? '');
    const actual = key ? this.#bindWith(key, client) : null;
    if (!actual) return key && client.userAgent ? 'address' : 'user-agent';
    if (!isSame(binding.ua, actual.ua)) return 'user-agent';
    if (this.config.bind === 'ua' || isSame(binding.ip, actual.ip)) return null;
    return binding.family === actual.family ? 'address' : 'address-family';
  }

  #bindWith({ kid, key }: PurposeKey, { address, userAgent }: BoundClient): ClientBinding | null {
    if (this.config.bind === 'none') return {};
    if (!userAgent) return null;
    const ua = hash(key, 'ua', userAgent.slice(0, MAX_USER_AGENT_LENGTH));
    if (this.config.bind === 'ua') return { kid, ua };
    const family = familyOf(address);
    return family === null ? null : { kid, ua, ip: hash(key, 'ip', addressBlock(address ?? '')), family };
  }
}

function familyOf(address: string | null): number | null {
  if (address === null || !ipaddr.isValid(address)) return null;
  return ipaddr.process(address).kind() === 'ipv4' ? 4 : 6;
}

function hash(key: Uint8Array, fact: 'ip' | 'ua', value: string): string {
  return createHmac('sha256', key).update(`${fact}\0${value}`).digest().subarray(0, 16).toString('base64url');
}

function isSame(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined || one.length !== other.length) return false;
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

import { createHmac, timingSafeEqual } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { AppProxyConfig } from '../../config/config.js';
import { addressBlock } from '../../viewer/client-address.js';

/** `APP_PROXY_BIND`: which facts of the page's client the socket must share. */
export type BindPolicy = AppProxyConfig['bind'];

/** Longer user agents are compared by their beginning, in characters. */
const MAX_USER_AGENT_LENGTH = 512;

/** What is known of a page's or a socket's client; null for a fact that nobody told. */
export interface BoundClient {
  readonly address: string | null;
  readonly userAgent: string | null;
}

/** The keyed hashes inside a token. Neither address nor user agent can be read from them. */
export interface ClientBinding {
  readonly ip?: string;
  /** 4 or 6, so that a mismatch by family can be told from another address. */
  readonly family?: number;
  readonly ua?: string;
}

/** Which fact differs, for the log. */
export type BindingMismatch = 'address' | 'address-family' | 'user-agent';

/**
 * Binds a token to the client of the page that it is made for.
 *
 * The unit of an address is the whole of it for IPv4 (mapped or not) and its /64 for IPv6: privacy extensions change the rest
 * within one visit.
 *
 * @returns null when the policy asks for a fact that is missing: there is then no token
 */
export function bindClient(client: BoundClient, policy: BindPolicy, key: Uint8Array): ClientBinding | null {
  if (policy === 'none') return {};
  if (!client.userAgent) return null;
  const ua = hash(key, 'ua', client.userAgent.slice(0, MAX_USER_AGENT_LENGTH));
  if (policy === 'ua') return { ua };
  const family = familyOf(client.address);
  if (client.address === null || family === null) return null;
  return { ua, ip: hash(key, 'ip', addressBlock(client.address)), family };
}

/**
 * Says which fact of the socket's client differs from the page's, or null when everything that the policy asks for is the same.
 *
 * A page fetched over IPv4 and a socket over IPv6 (or the other way round) differ: which addresses belong to one household
 * cannot be known. A token that was made under a weaker policy lacks a hash, and differs too.
 */
export function bindingMismatch(
  binding: ClientBinding,
  client: BoundClient,
  policy: BindPolicy,
  key: Uint8Array,
): BindingMismatch | null {
  if (policy === 'none') return null;
  const actual = bindClient(client, policy, key);
  if (!actual) return client.userAgent ? 'address' : 'user-agent';
  if (!isSame(binding.ua, actual.ua)) return 'user-agent';
  if (policy === 'ua' || isSame(binding.ip, actual.ip)) return null;
  return binding.family === actual.family ? 'address' : 'address-family';
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

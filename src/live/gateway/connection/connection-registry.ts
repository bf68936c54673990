import { Injectable } from '@nestjs/common';
import { addressBlock } from '../../viewer/client-address.js';
import { Presence } from '../../presence/presence.js';
import { kindOf, type ViewerId, type ViewerKind } from '../../viewer/viewer.js';
import type { RevokedViewer } from '../../sessions/session-revocations.js';
import { type Grant, sessionOf } from '../connection-authenticator.js';
import type { Connection } from './connection.js';
import { ConnectionIndex } from './connection-index.js';
import { ConnectionsElsewhere } from './connections-elsewhere.js';

/** How long a revocation is remembered, so that a socket that is being opened at that moment is not admitted. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 100_000;

/** Revocations of the last minute, by id. If there are too many, the oldest is dropped. */
class RecentRevocations<T> {
  readonly #byId = new Map<string, { readonly value: T; readonly atMs: number }>();

  get(id: string): T | undefined {
    const known = this.#byId.get(id);
    return known && performance.now() - known.atMs < REMEMBER_MS ? known.value : undefined;
  }

  add(id: string, value: T): void {
    const nowMs = performance.now();
    for (const [old, { atMs }] of this.#byId) {
      if (nowMs - atMs < REMEMBER_MS && this.#byId.size < MAX_REMEMBERED) break;
      this.#byId.delete(old);
    }
    this.#byId.delete(id);
    this.#byId.set(id, { value, atMs: nowMs });
  }
}

/** What decides whether a revocation of a viewer's tokens applies to a connection. */
interface Revocable {
  /** The session that the token belongs to; null for none. */
  readonly session: string | null;
  /** When it was issued, in ms since the epoch; 0 if unknown, which counts as issued before every revocation. */
  readonly issuedAtMs: number;
}

/** The number of acknowledged connections of one kind of viewer, verified by one authenticator. */
interface AdmittedCount {
  readonly kind: ViewerKind;
  readonly authenticator: string;
  count: number;
}

/** Whether a revocation applies to a token. */
export function isRevokedBy(
  { session, issuedAtMs }: Revocable,
  { issuedUntilMs, onlyWithoutSession = false }: RevokedViewer,
): boolean {
  return issuedAtMs <= issuedUntilMs && !(onlyWithoutSession && session !== null);
}

/**
 * The connections of this node, by session, viewer and address. The cost of a lookup depends only on the size of its
 * result.
 */
@Injectable()
export class ConnectionRegistry {
  readonly all = new Set<Connection>();
  readonly #bySession = new ConnectionIndex<string>();
  readonly #byViewer = new ConnectionIndex<ViewerId>();
  readonly #admitted = new Map<string, AdmittedCount>();
  readonly #perAddress = new Map<string, number>();
  readonly #ended = new RecentRevocations<true>();
  readonly #revoked = new RecentRevocations<readonly RevokedViewer[]>();

  constructor(
    private readonly presence: Presence,
    private readonly elsewhere: ConnectionsElsewhere,
  ) {}

  /** The number of connections of an address block here, acknowledged or not. */
  countOfAddress(block: string): number {
    return this.#perAddress.get(block) ?? 0;
  }

  /** The number of acknowledged connections of a viewer on this node. */
  countOfViewer(viewer: ViewerId): number {
    return this.#byViewer.count(viewer);
  }

  /** The numbers of acknowledged connections on this node; 0 for those that have all closed. */
  admitted(): Iterable<AdmittedCount> {
    return this.#admitted.values();
  }

  /** The public ids of the sessions that connections on this node depend on. */
  sessions(): Iterable<string> {
    return this.#bySession.keys();
  }

  ofSession(sessionId: string): readonly Connection[] {
    return this.#bySession.of(sessionId);
  }

  /**
   * Removes and returns all connections of an ended session, so that thousands that close together are not removed one
   * by one.
   */
  takeSession(sessionId: string): readonly Connection[] {
    const taken = this.ofSession(sessionId);
    this.#bySession.delete(sessionId);
    return taken;
  }

  /**
   * The viewers of connections whose token has an issue time. Whether a stored revocation applies to another one is not
   * known: it ends by an announcement only.
   */
  *revocableViewers(): Iterable<ViewerId> {
    for (const viewer of this.#byViewer.keys())
      if (this.ofViewer(viewer).some(({ issuedAtMs }) => issuedAtMs > 0)) yield viewer;
  }

  ofViewer(viewer: ViewerId): readonly Connection[] {
    return this.#byViewer.of(viewer);
  }

  /** Whether it was announced within the last minute that a grant's session has ended, or that its token was revoked. */
  hasEnded(grant: Grant): boolean {
    const session = sessionOf(grant);
    if (session !== null && this.#ended.get(session) === true) return true;
    const token = { session, issuedAtMs: grant.issuedAt?.getTime() ?? 0 };
    return (this.#revoked.get(grant.viewer.id) ?? []).some((revoked) => isRevokedBy(token, revoked));
  }

  /** Remembers an ended session for a minute. */
  rememberEnded(sessionId: string): void {
    this.#ended.add(sessionId, true);
  }

  /** Remembers for a minute that a viewer's tokens were revoked. */
  rememberRevoked(revoked: RevokedViewer): void {
    const known = this.#revoked.get(revoked.viewer) ?? [];
    const isOfKind = ({ onlyWithoutSession = false }: RevokedViewer) =>
      onlyWithoutSession === (revoked.onlyWithoutSession ?? false);
    // A back-channel logout revokes up to its own `iat`, which may be earlier than a revocation that is already known.
    const issuedUntilMs = Math.max(...[...known.filter(isOfKind), revoked].map((one) => one.issuedUntilMs));
    this.#revoked.add(revoked.viewer, [...known.filter((one) => !isOfKind(one)), { ...revoked, issuedUntilMs }]);
  }

  /** Adds a connection that is open and not yet acknowledged. */
  add(connection: Connection): void {
    this.all.add(connection);
    this.#countAddress(addressBlock(connection.facts.address), 1);
  }

  /** Indexes a connection whose viewer is verified. */
  admit(connection: Connection): void {
    const { viewerId, session } = connection;
    if (viewerId === null) return;
    if (session !== null) this.#bySession.add(session, connection);
    this.#byViewer.add(viewerId, connection);
    this.elsewhere.viewerHere(viewerId, this.countOfViewer(viewerId));
    this.#count(viewerId, connection, 1);
    connection.inPresence(this.presence.enter(viewerId));
  }

  /** Removes a connection. Calling it again does nothing. */
  remove(connection: Connection): void {
    if (!this.all.delete(connection)) return;
    this.#countAddress(addressBlock(connection.facts.address), -1);
    const { viewerId, session } = connection;
    if (viewerId === null) return;
    if (session !== null) this.#bySession.remove(session, connection);
    this.#byViewer.remove(viewerId, connection);
    this.elsewhere.viewerHere(viewerId, this.countOfViewer(viewerId));
    this.#count(viewerId, connection, -1);
    connection.leavePresence();
  }

  #countAddress(block: string, change: 1 | -1): void {
    const count = (this.#perAddress.get(block) ?? 0) + change;
    if (count > 0) this.#perAddress.set(block, count);
    else this.#perAddress.delete(block);
    this.elsewhere.addressHere(block, count);
  }

  #count(viewer: ViewerId, { authenticator }: Connection, change: 1 | -1): void {
    const kind = kindOf(viewer);
    const key = `${kind} ${authenticator}`;
    const known = this.#admitted.get(key);
    if (known) known.count += change;
    else this.#admitted.set(key, { kind, authenticator, count: change });
  }
}

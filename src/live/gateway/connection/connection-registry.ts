import { Injectable } from '@nestjs/common';
import { addressBlock } from '../../viewer/client-address.js';
import { Presence } from '../../presence/presence.js';
import { kindOf, type ViewerId, type ViewerKind } from '../../viewer/viewer.js';
import { sessionOf } from '../connection-authenticator.js';
import type { Connection } from './connection.js';

/** How long an ended session's id is remembered, so that a socket being opened at that moment is not let in. */
const REMEMBER_ENDED_MS = 60_000;
const MAX_REMEMBERED = 100_000;

/** Which connections this node holds, by session, viewer and address. Finding some costs what they are, not what all are. */
@Injectable()
export class ConnectionRegistry {
  readonly all = new Set<Connection>();
  readonly #bySession = new Map<string, Connection[]>();
  readonly #byViewer = new Map<ViewerId, Connection[]>();
  readonly #ofKind = new Map<ViewerKind, number>();
  readonly #perAddress = new Map<string, number>();
  readonly #endedAtMs = new Map<string, number>();

  constructor(private readonly presence: Presence) {}

  /** How many connections an address (IPv6: its /64) holds, acknowledged or not. */
  countOfAddress(address: string): number {
    return this.#perAddress.get(addressBlock(address)) ?? 0;
  }

  /** How many acknowledged connections a viewer holds here. */
  countOfViewer(viewer: ViewerId): number {
    return this.#byViewer.get(viewer)?.length ?? 0;
  }

  /** How many acknowledged connections viewers of this kind hold here. */
  countOfKind(kind: ViewerKind): number {
    return this.#ofKind.get(kind) ?? 0;
  }

  /** The public ids of the sessions that connections on this node stand on. */
  sessions(): Iterable<string> {
    return this.#bySession.keys();
  }

  ofSession(sessionId: string): readonly Connection[] {
    return this.#bySession.get(sessionId) ?? [];
  }

  /** Whether a session was announced as ended within the last minute. */
  hasEnded(sessionId: string): boolean {
    return this.#endedAtMs.has(sessionId);
  }

  /** Remembers an ended session for a minute. */
  rememberEnded(sessionId: string): void {
    const nowMs = performance.now();
    for (const [id, atMs] of this.#endedAtMs) {
      if (nowMs - atMs < REMEMBER_ENDED_MS && this.#endedAtMs.size < MAX_REMEMBERED) break;
      this.#endedAtMs.delete(id);
    }
    this.#endedAtMs.set(sessionId, nowMs);
  }

  /** Takes in a connection that is open and not yet acknowledged. */
  add(connection: Connection): void {
    const block = addressBlock(connection.facts.address);
    this.all.add(connection);
    this.#perAddress.set(block, (this.#perAddress.get(block) ?? 0) + 1);
  }

  /** Indexes a connection whose viewer is verified. */
  admit(connection: Connection): void {
    if (!connection.grant) return;
    const { viewer } = connection.grant;
    const session = sessionOf(connection.grant);
    if (session !== null) append(this.#bySession, session, connection);
    append(this.#byViewer, viewer.id, connection);
    this.#countKind(viewer.id, 1);
    connection.leavePresence = this.presence.enter(viewer.id);
  }

  /** Forgets a connection. Calling it again does nothing. */
  remove(connection: Connection): void {
    if (!this.all.delete(connection)) return;
    const block = addressBlock(connection.facts.address);
    const left = (this.#perAddress.get(block) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(block, left);
    else this.#perAddress.delete(block);
    if (!connection.grant) return;
    const session = sessionOf(connection.grant);
    if (session !== null) withdraw(this.#bySession, session, connection);
    withdraw(this.#byViewer, connection.grant.viewer.id, connection);
    this.#countKind(connection.grant.viewer.id, -1);
    connection.leavePresence?.();
  }

  #countKind(viewer: ViewerId, change: 1 | -1): void {
    const kind = kindOf(viewer);
    this.#ofKind.set(kind, this.countOfKind(kind) + change);
  }
}

function append<K>(index: Map<K, Connection[]>, key: K, connection: Connection): void {
  const present = index.get(key);
  if (present) present.push(connection);
  else index.set(key, [connection]);
}

function withdraw<K>(index: Map<K, Connection[]>, key: K, connection: Connection): void {
  const present = index.get(key);
  const at = present?.indexOf(connection) ?? -1;
  if (!present || at === -1) return;
  present.splice(at, 1);
  if (present.length === 0) index.delete(key);
}

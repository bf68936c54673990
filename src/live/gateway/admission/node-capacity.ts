import { Inject, Injectable } from '@nestjs/common';
import { LIMITS_CONFIG, type LimitsConfig } from '../../live.config.js';
import { AddressRateLimit } from '../../rate-limit/address.rate-limit.js';
import { RateLimitMetrics } from '../../rate-limit/rate-limit.metrics.js';
import { addressBlock, addressIn } from '../../viewer/client-address.js';
import type { ViewerId } from '../../viewer/viewer.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { ConnectionsElsewhere } from '../connection/connections-elsewhere.js';
import { LATER, type UpgradeRefusal } from './upgrade-refusal.js';

/** How many connections there are, here and in other processes that count towards the same limits. */
@Injectable()
export class ConnectionCounts {
  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly elsewhere: ConnectionsElsewhere,
  ) {}

  /** In this process alone. */
  get here(): number {
    return this.registry.all.size;
  }

  get total(): number {
    return this.here + this.elsewhere.total;
  }

  /** Of an address (IPv6: its /64), acknowledged or not. */
  ofAddress(address: string): number {
    const block = addressBlock(address);
    return this.registry.countOfAddress(block) + this.elsewhere.ofAddress(block);
  }

  /** Of a viewer, acknowledged. */
  ofViewer(viewer: ViewerId): number {
    return this.registry.countOfViewer(viewer) + this.elsewhere.ofViewer(viewer);
  }
}

/** Whether this node accepts another socket, by the limits of all sockets, of an address and of a viewer. */
@Injectable()
export class NodeCapacity {
  constructor(
    private readonly counts: ConnectionCounts,
    private readonly rateLimit: AddressRateLimit,
    private readonly metrics: RateLimitMetrics,
    @Inject(LIMITS_CONFIG) private readonly limits: LimitsConfig,
  ) {}

  /** Null if there is room. It reserves nothing, so check again after awaiting anything. */
  refusal(address: string): UpgradeRefusal | null {
    const { maxConnections, maxConnectionsHere = maxConnections } = this.limits;
    if (this.counts.here >= maxConnectionsHere || this.counts.total >= maxConnections) {
      return { status: 503, message: 'This node is full.', ...LATER };
    }
    const isFull = this.counts.ofAddress(address) >= this.limits.maxConnectionsPerAddress;
    if (!isFull || addressIn(address, this.limits.throttleExempt)) return null;
    this.metrics.refused('connectionsOfAddress');
    return { status: 429, message: 'Too many sockets from this address.', ...LATER };
  }

  /** Whether a viewer has as many acknowledged sockets as one may have. */
  isFullFor(viewer: ViewerId): boolean {
    const isFull = this.counts.ofViewer(viewer) >= this.limits.maxConnectionsPerViewer;
    if (isFull) this.metrics.refused('connectionsOfViewer');
    return isFull;
  }

  /** Counts one attempt to open a socket, over all nodes; null if the address is within its limit. */
  async count(address: string): Promise<UpgradeRefusal | null> {
    const retryAfterSeconds = await this.rateLimit.retryAfter('socket', address);
    if (retryAfterSeconds === null) return null;
    return { status: 429, message: 'Sockets from this address open too fast.', retryAfterSeconds };
  }
}

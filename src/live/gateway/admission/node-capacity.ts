import { Inject, Injectable } from '@nestjs/common';
import { AddressRateLimit } from '../../rate-limit/address.rate-limit.js';
import { LIMITS_CONFIG, type LimitsConfig } from '../../live.config.js';
import { addressIn } from '../../viewer/client-address.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import type { UpgradeRefusal } from './upgrade-refusal.js';

/** Seconds after which a client that found the node full or draining may come back. */
const RETRY_AFTER_SECONDS = 5;

/** Whether this node takes another socket: its own bound, the address's, and how fast the address opens them. */
@Injectable()
export class NodeCapacity {
  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly rateLimit: AddressRateLimit,
    @Inject(LIMITS_CONFIG) private readonly limits: LimitsConfig,
  ) {}

  /** Null where there is room. Looks only: ask again when something was awaited since. */
  refusal(address: string, draining: boolean): UpgradeRefusal | null {
    const later = { retryAfterSeconds: RETRY_AFTER_SECONDS };
    if (draining) return { status: 503, message: 'This node is restarting.', ...later };
    if (this.registry.all.size >= this.limits.maxConnections) {
      return { status: 503, message: 'This node is full.', ...later };
    }
    const crowded = this.registry.countOfAddress(address) >= this.limits.maxConnectionsPerAddress;
    if (!crowded || addressIn(address, this.limits.throttleExempt)) return null;
    return { status: 429, message: 'Too many sockets from this address.', ...later };
  }

  /** Counts one attempt to open a socket, over all nodes; null where the address has not had its share. */
  async count(address: string): Promise<UpgradeRefusal | null> {
    const retryAfterSeconds = await this.rateLimit.retryAfter('socket', address);
    if (retryAfterSeconds === null) return null;
    return { status: 429, message: 'Sockets from this address open too fast.', retryAfterSeconds };
  }
}

import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RedisHealth } from '../redis/redis.health.js';

/** What one check found. */
export type CheckResult = 'ok' | 'unavailable' | 'draining';

/** Whether people may be sent to this node, and what each check found. */
export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'node' | 'redis', CheckResult>>;
}

/** Answers whether this node can take people: every store answers, and the node is not on its way out. */
@Injectable()
export class Readiness implements OnModuleDestroy {
  #leaving = false;

  constructor(private readonly redis: RedisHealth) {}

  /** The first step of a shutdown: load balancers look elsewhere while sockets are still being drained. */
  onModuleDestroy(): void {
    this.#leaving = true;
  }

  async report(): Promise<ReadinessReport> {
    const checks = {
      node: this.#leaving ? 'draining' : 'ok',
      redis: this.redis.isAvailable() ? 'ok' : 'unavailable',
    } as const;
    return { ready: Object.values(checks).every((result) => result === 'ok'), checks };
  }
}

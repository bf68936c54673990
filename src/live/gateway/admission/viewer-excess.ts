import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CloseCode } from '../../../protocol/close-code.js';
import { RateLimitMetrics } from '../../rate-limit/rate-limit.metrics.js';
import type { ViewerId } from '../../viewer/viewer.js';
import { ConnectionRegistry } from '../connection/connection-registry.js';
import { ConnectionsElsewhere } from '../connection/connections-elsewhere.js';

/**
 * Closes a viewer's newest connections when several processes admitted some at the same moment and exceeded the limit
 * together.
 */
@Injectable()
export class ViewerExcess implements OnApplicationBootstrap {
  constructor(
    private readonly registry: ConnectionRegistry,
    private readonly elsewhere: ConnectionsElsewhere,
    private readonly metrics: RateLimitMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.elsewhere.listen((viewer, most) => this.#closeNewest(viewer, most));
  }

  #closeNewest(viewer: ViewerId, most: number): void {
    const open = this.registry.ofViewer(viewer).filter(({ closed }) => !closed);
    for (const connection of open.slice(most)) {
      this.metrics.refused('connectionsOfViewer');
      connection.close(CloseCode.TryAgainLater, 'Too many connections of one viewer');
    }
  }
}

import { type DynamicModule, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { Sessions } from '../sessions/sessions.js';
import { SessionStatus } from '../sessions/session-status.js';
import { SessionWatch } from '../sessions/session-watch.js';
import { RateLimitModule } from '../rate-limit/rate-limit.module.js';
import { ConnectionAdmission } from './admission/connection-admission.js';
import { ConnectionPolicy } from './admission/connection.policy.js';
import { GatewayMetrics } from './admission/gateway.metrics.js';
import { ConnectionCounts, NodeCapacity } from './admission/node-capacity.js';
import { UpgradePolicy } from './admission/upgrade.policy.js';
import { ViewerExcess } from './admission/viewer-excess.js';
import { HttpOrigins } from './admission/http-origins.js';
import { ConfiguredOrigins, OriginPolicy } from './admission/origin.policy.js';
import { CONNECTION_AUTHENTICATORS, type ConnectionAuthenticator } from './connection-authenticator.js';
import { ConnectionMetrics } from './connection/connection.metrics.js';
import { ConnectionRegistry } from './connection/connection-registry.js';
import { ConnectionExpiry } from './connection/connection-expiry.js';
import { RevocationMetrics } from './connection/revocation.metrics.js';
import { WriteBatcher } from './connection/frame-writer.js';
import { Connections } from './connections.js';
import { DocumentsModule } from './execution/documents.module.js';
import { ServedOperations } from './execution/served-operations.js';
import { SubscriptionStarter } from './execution/subscription-starter.js';
import { SubscriptionMetrics } from './execution/subscription.metrics.js';
import { FeedsModule } from '../feeds/feeds.module.js';
import { SocketGateway } from './socket.gateway.js';
import { SocketProtocol } from './socket.protocol.js';

/** The ways to authenticate. */
export interface Authentication {
  /** The modules that provide and export what is named below. */
  readonly imports: NonNullable<ModuleMetadata['imports']>;
  /** One authenticator for each kind of token, in the order in which they are asked. */
  readonly authenticators: readonly Type<ConnectionAuthenticator>[];
  readonly sessions: Type<Sessions>;
}

/** Subscriptions over WebSocket, with our own gateway. */
@Module({
  imports: [StoreModule, FeedsModule, RateLimitModule, DocumentsModule],
  providers: [
    SocketGateway,
    UpgradePolicy,
    NodeCapacity,
    ConnectionCounts,
    ViewerExcess,
    Connections,
    WriteBatcher,
    GatewayMetrics,
    ConnectionMetrics,
    SocketProtocol,
    ServedOperations,
    SubscriptionStarter,
    SubscriptionMetrics,
    ConnectionAdmission,
    ConnectionPolicy,
    ConnectionRegistry,
    ConnectionExpiry,
    RevocationMetrics,
    SessionStatus,
    SessionWatch,
    { provide: OriginPolicy, useClass: ConfiguredOrigins },
    HttpOrigins,
  ],
  exports: [OriginPolicy, Sessions],
})
export class GatewayModule {
  /** The gateway with these authenticators. */
  static with({ imports, authenticators, sessions }: Authentication): DynamicModule {
    return {
      module: GatewayModule,
      imports,
      providers: [
        {
          provide: CONNECTION_AUTHENTICATORS,
          useFactory: (...ways: ConnectionAuthenticator[]) => ways,
          inject: [...authenticators],
        },
        { provide: Sessions, useExisting: sessions },
      ],
    };
  }
}

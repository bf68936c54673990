import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Logger } from 'pino';
import { SharedSessionRevocations } from '../session-revocations.shared.js';
import type { EventLog } from './event-log.js';
import type { PostgresConnection } from './postgres.connection.js';

/** Revocations over all nodes of one PostgreSQL. A message is an entry of the log that also carries events. */
export class PostgresSessionRevocations
  extends SharedSessionRevocations
  implements OnModuleInit, OnApplicationShutdown
{
  #leave: () => void = () => {};

  constructor(
    private readonly postgres: PostgresConnection,
    private readonly log: EventLog,
    logger: Logger,
  ) {
    super(logger);
  }

  onModuleInit(): void {
    this.#leave = this.log.follow(({ name, payload }) => {
      if (name === '') this.receive(payload);
    });
  }

  onApplicationShutdown(): void {
    this.#leave();
  }

  protected override get nowMs(): number {
    return this.postgres.nowMs;
  }

  protected override send(message: string): Promise<unknown> {
    return this.postgres.run('select sallyport.announce($1)', [message]);
  }
}

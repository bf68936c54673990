import { Module } from '@nestjs/common';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { StoreModule } from '../../live/store/store.module.js';
import { CliSocket } from './cli-socket.service.js';

/** The CLI's commands through the running server, for the embedded database. */
@Module({ imports: [DatabaseModule, StoreModule], providers: [CliSocket] })
export class CliSocketModule {}

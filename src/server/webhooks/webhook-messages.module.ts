import { Module } from '@nestjs/common';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { WebhookMessages } from './webhook-message.store.js';

/** The messages alone, for the server and for commands. */
@Module({ imports: [DatabaseModule], providers: [WebhookMessages], exports: [WebhookMessages] })
export class WebhookMessagesModule {}

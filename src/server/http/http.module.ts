import { Module } from '@nestjs/common';
import { AllowedMethods } from './allowed-methods.js';
import { HttpJournal } from './http.journal.js';

/** What holds for every route, whatever room it belongs to. */
@Module({ providers: [AllowedMethods, HttpJournal] })
export class HttpModule {}

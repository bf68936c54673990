import { Module } from '@nestjs/common';
import { AllowedMethods } from './allowed-methods.js';

/** What holds for every route, whatever room it belongs to. */
@Module({ providers: [AllowedMethods] })
export class HttpModule {}

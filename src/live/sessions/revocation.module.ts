import { Module } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { TokenRevocations } from './token-revocations.js';

/** Revocation of tokens whose session is not kept here. */
@Module({ imports: [StoreModule], providers: [TokenRevocations], exports: [TokenRevocations] })
export class RevocationModule {}

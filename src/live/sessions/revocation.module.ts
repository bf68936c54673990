import { Module } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { TokenRevocations } from './token-revocations.js';

/** Revocation of tokens that were issued elsewhere. */
@Module({ imports: [StoreModule], providers: [TokenRevocations], exports: [TokenRevocations] })
export class RevocationModule {}

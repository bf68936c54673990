import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { AuditMetrics } from './audit.metrics.js';
import { AuditRecorder } from './audit-recorder.js';
import { AuditStore } from './audit.store.js';

/** Stores audit events, and reads them for operators. */
@Module({ imports: [DatabaseModule], providers: [AuditStore, AuditMetrics, AuditRecorder], exports: [AuditStore] })
export class AuditModule {}

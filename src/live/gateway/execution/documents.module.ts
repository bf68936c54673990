import { Module } from '@nestjs/common';
import { DocumentBudget } from './document-budget.js';
import { OperationMetrics } from './operation.metrics.js';

/** What both transports share: the document budget, and the metrics of operations. */
@Module({ providers: [DocumentBudget, OperationMetrics], exports: [DocumentBudget, OperationMetrics] })
export class DocumentsModule {}

import { Module } from '@nestjs/common';
import { RateLimitMetrics } from '../../rate-limit/rate-limit.metrics.js';
import { DocumentBudget } from './document-budget.js';
import { OperationMetrics } from './operation.metrics.js';

/** What both transports share: the document budget, and the metrics of operations. */
@Module({ providers: [DocumentBudget, OperationMetrics], exports: [DocumentBudget, OperationMetrics] })
export class DocumentsModule {
  constructor(budget: DocumentBudget, limits: RateLimitMetrics) {
    limits.watch('documents', () => budget.refused.subject);
    limits.watch('documentsOfNode', () => budget.refused.node);
  }
}

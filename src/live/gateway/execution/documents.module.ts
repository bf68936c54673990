import { Module } from '@nestjs/common';
import { DocumentBudget } from './document-budget.js';

/** What both transports share of checking documents: one budget. */
@Module({ providers: [DocumentBudget], exports: [DocumentBudget] })
export class DocumentsModule {}

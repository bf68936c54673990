import { Module } from '@nestjs/common';
import { DocumentBudget } from './document-budget.js';

/** The document budget, which both transports share. */
@Module({ providers: [DocumentBudget], exports: [DocumentBudget] })
export class DocumentsModule {}

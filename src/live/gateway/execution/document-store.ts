import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import { documentBytes } from './operation-limits.js';

const MAX_BYTES = 8 * 1024 * 1024;

/** Parsed documents for Apollo Server, by hash, in bounded memory. They are not necessarily valid. */
export class DocumentStore {
  readonly #documents = new LRUCache<string, DocumentNode>({ maxSize: MAX_BYTES, sizeCalculation: documentBytes });

  async get(hash: string): Promise<DocumentNode | undefined> {
    return this.#documents.get(hash);
  }

  async set(hash: string, document: DocumentNode): Promise<void> {
    this.#documents.set(hash, document);
  }

  async delete(hash: string): Promise<boolean> {
    return this.#documents.delete(hash);
  }
}

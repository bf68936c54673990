import { Injectable } from '@nestjs/common';
import { eq, gt, lt, sql } from 'drizzle-orm';
import { Database } from '../../identity/database/database.js';
import { consoleNodes } from '../../identity/database/schema.js';
import type { NodeReport } from './node-report.js';

/** A node that has not reported for this long has ended or is cut off. */
const LOST = sql`now() - interval '5 seconds'`;
/** Its row is removed after this time. */
const GONE = sql`now() - interval '1 minute'`;
/** How long nodes report after an operator has asked one of them. */
const WATCHED = sql`now() - interval '15 seconds'`;

/** The report of a node, by its id. */
export interface ReportOfNode {
  readonly node: string;
  readonly report: NodeReport;
}

/** What each node does, in the database. Each method throws `UnavailableError` when it is unavailable. */
@Injectable()
export class NodeReportStore {
  constructor(private readonly database: Database) {}

  /** Replaces a node's report. @param isAsked whether an operator has just asked this node */
  async put(node: string, report: NodeReport, isAsked: boolean): Promise<void> {
    const asked = isAsked ? { askedAt: sql`now()` } : {};
    const written = { at: sql`now()`, report, ...asked };
    await this.database.run((orm) =>
      orm
        .insert(consoleNodes)
        .values({ node, ...written })
        .onConflictDoUpdate({ target: consoleNodes.node, set: written }),
    );
  }

  /** The nodes that report now, by their ids. */
  async all(): Promise<readonly ReportOfNode[]> {
    const { node, report, at } = consoleNodes;
    const rows = await this.database.run((orm) =>
      orm.select({ node, report }).from(consoleNodes).where(gt(at, LOST)).orderBy(node),
    );
    return rows as readonly ReportOfNode[];
  }

  /** Whether an operator watches. Removes the rows of nodes that have ended. */
  async isWatched(): Promise<boolean> {
    const { node, askedAt, at } = consoleNodes;
    return this.database.run(async (orm) => {
      await orm.delete(consoleNodes).where(lt(at, GONE));
      const rows = await orm.select({ node }).from(consoleNodes).where(gt(askedAt, WATCHED)).limit(1);
      return rows.length > 0;
    });
  }

  /** Removes a node's report, when it ends. */
  async remove(node: string): Promise<void> {
    await this.database.run((orm) => orm.delete(consoleNodes).where(eq(consoleNodes.node, node)));
  }
}

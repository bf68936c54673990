import pg from 'pg';

/** An event to publish by SQL. */
export interface SqlEvent {
  readonly topic: string;
  readonly viewer: string;
  readonly payload: unknown;
  readonly key?: string | null;
}

/** A backend's connection to the database, which publishes inside its own transactions. */
export class SqlPublisher {
  private constructor(readonly client: pg.Client) {}

  /** Connects to the database of the nodes. @param url the database's URL */
  static async connect(url: string): Promise<SqlPublisher> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    return new SqlPublisher(client);
  }

  async run<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(text, values)).rows;
  }

  /** Calls `sallyport.publish`. Returns the event's id in the outbox. */
  async publish({ topic, viewer, payload, key = null }: SqlEvent): Promise<string> {
    const [row] = await this.run<{ id: string }>('select sallyport.publish($1, $2, $3::jsonb, key => $4) as id', [
      topic,
      viewer,
      JSON.stringify(payload),
      key,
    ]);
    return row!.id;
  }

  /** Calls `sallyport.publish_many`. Returns the number of published events. */
  async publishMany(events: unknown): Promise<number> {
    const [row] = await this.run<{ count: number }>('select sallyport.publish_many($1::jsonb) as count', [
      JSON.stringify(events),
    ]);
    return row!.count;
  }

  /** Returns the rejected events, oldest first. */
  rejected(): Promise<{ id: string; topic: string; reason: string }[]> {
    return this.run('select id, topic, reason from sallyport.rejected_event order by id');
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => {});
  }
}

import type { INestApplication } from '@nestjs/common';
import { Field, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { IsIn, IsString } from 'class-validator';
import { defineFeed, type SallyportOptions, Sallyport, viewerId, type ViewerId } from '../../../src/index.js';

/** An existing application that imports SallyportModule. There are two, on different frameworks. */
export interface HostApp {
  readonly name: string;
  /** Starts one node. Nodes with the same `users` share their sessions. */
  start(users: UserSessions, options?: Partial<SallyportOptions>): Promise<HostNode>;
}

/** A running node of the application. */
export interface HostNode {
  readonly url: string;
  readonly app: INestApplication;
  readonly sallyport: Sallyport;
  stop(): Promise<void>;
}

/** The application's server-side session data, shared by its nodes like a database. */
export class UserSessions {
  readonly sessions = new Map<string, { readonly user: string; readonly endsAt: Date }>();
  /** How `sessions.status` fails; default: it does not. */
  failure: 'none' | 'throws' | 'hangs' = 'none';

  /** Implements `SallyportOptions.sessions.status`. */
  async status(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    if (this.failure === 'throws') throw new Error('the database of the application is gone');
    if (this.failure === 'hangs') await new Promise<never>(() => {});
    const found = ids.map((id) => [id, this.sessions.get(id)?.endsAt] as const);
    return new Map(found.flatMap(([id, endsAt]) => (endsAt ? [[id, endsAt] as const] : [])));
  }
}

/** Returns the viewer id of one of this application's users. */
export const viewerOf = (user: string): ViewerId => viewerId('app', user);

@ObjectType()
export class OrderStatus {
  @Field()
  @IsString()
  order!: string;

  @Field()
  @IsIn(['paid', 'shipped', 'delivered'])
  state!: string;
}

/** The feed of these applications. */
export const OrderStatusFeed = defineFeed<OrderStatus>({
  name: 'order_status',
  field: 'orderStatus',
  type: OrderStatus,
  history: { events: 20, seconds: 600 },
  onSubscribe: 'nothing',
  slowReader: 'close',
});

/** The application's own part of the schema. */
@Resolver()
export class ShopResolver {
  @Query(() => String)
  shop(): string {
    return 'open';
  }
}

/** A signed-in browser: it keeps the node's cookie. */
export class HostBrowser {
  #cookie = '';

  constructor(readonly url: string) {}

  async signIn(user: string): Promise<this> {
    await this.#post('/login', { user });
    return this;
  }

  async signOut(): Promise<void> {
    await this.#post('/logout', {});
  }

  /** Returns the page's token, or null when signed out. */
  async token(): Promise<string | null> {
    const { token } = (await this.#post('/live-token', {})) as { token: string | null };
    return token;
  }

  /** Uses the same cookie with another node. */
  at({ url }: HostNode): HostBrowser {
    const other = new HostBrowser(url);
    other.#cookie = this.#cookie;
    return other;
  }

  async #post(path: string, body: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json', ...(this.#cookie ? { cookie: this.#cookie } : {}) };
    const answer = await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '');
    if (cookies.length > 0) this.#cookie = cookies.join('; ');
    return answer.json();
  }
}

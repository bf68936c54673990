import { Inject, Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { Logger } from 'pino';
import { within } from '../live/deadline.js';
import { UnavailableError } from '../live/errors/sallyport.errors.js';
import { LOGGER } from '../live/logging/logger.js';
import { Sessions, type SignedIn } from '../live/sessions/sessions.js';
import { RevocationStore, sessionSubject } from '../live/sessions/revocation.store.js';
import { type StoreHealth, StoreMetrics } from '../live/store/store-health.js';
import { parseViewerId, VIEWER_ID_FORMS } from '../live/viewer/viewer.js';
import type { SessionPort } from './options.js';

/** Injection token of the application's {@link SessionPort}. */
export const SESSION_PORT = Symbol('SESSION_PORT');

/** How long the application may take to answer, in milliseconds: less than the deadline of a socket's ack. */
const ANSWER_WITHIN_MS = 3_000;
const LATE = Symbol('late');
const BATCH = 1_000;
/** The format of session ids, for messages. */
export const SESSION_ID_FORM = 'a session id of 1 to 200 visible ASCII characters, not beginning with external:';
/** `external:` is how sessions of identity providers begin; those are never asked for here. */
const SESSION_ID = /^(?!external:)[\x21-\x7e]{1,200}$/;

/** The application's sessions as the port of `live/`: with a timeout, validated, and without revoked ones. */
@Injectable()
export class AppSessions extends Sessions {
  readonly #health: StoreHealth;
  readonly #ends = new DataLoader<string, Date | null>(
    async (ids) => {
      const live = await this.#ask(ids);
      return ids.map((id) => live.get(id) ?? null);
    },
    { cache: false, maxBatchSize: BATCH },
  );

  constructor(
    @Inject(SESSION_PORT) private readonly port: SessionPort,
    private readonly revocations: RevocationStore,
    stores: StoreMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
    this.#health = stores.watch('sessions', 'The session port', 'sessions.status');
  }

  /**
   * @throws TypeError if the application returns something that is not a viewer, UnavailableError if it throws or hangs
   */
  override async read(request: object): Promise<SignedIn | null> {
    const found = await answered(async () => this.port.read(request as never)).catch((error: unknown) => {
      // Nest logs no UnavailableError that a controller throws.
      this.logger.error({ err: error }, 'sessions.read failed: no token was made');
      return unavailable(error);
    });
    if (found === null || found === undefined) return null;
    const { viewer, session } = found;
    const id = parseViewerId(viewer);
    if (!id) throw new TypeError(`sessions.read must return a viewer id: ${VIEWER_ID_FORMS}.`);
    if (!isSessionId(session)) throw new TypeError(`sessions.read must return ${SESSION_ID_FORM}.`);
    return { viewer: { id }, session };
  }

  override async status(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    if (ids.length === 0) return new Map();
    const [live, revokedUntilMs] = await Promise.all([
      this.#ask(ids),
      this.revocations.issuedUntil(ids.map(sessionSubject)),
    ]);
    const revoked = new Set(ids.filter((_, index) => revokedUntilMs[index] !== 0));
    return revoked.size === 0 ? live : new Map([...live].filter(([id]) => !revoked.has(id)));
  }

  /**
   * Returns when a session ends, as the application says; revocations are checked with the token. Calls in one turn of
   * the event loop share one call of the application.
   *
   * @returns null when it has ended
   * @throws UnavailableError when the application cannot answer
   */
  endOf(session: string): Promise<Date | null> {
    return this.#ends.load(session);
  }

  async #ask(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const startedAtMs = performance.now();
    try {
      const live = await answered(async () => this.port.status(ids));
      if (!isStatus(live)) throw new TypeError('sessions.status must return a Map from session ids to Dates');
      this.#health.tookWrite();
      return withoutEnded(live);
    } catch (error) {
      this.#health.failed('sessions.status');
      // The health's own line has no stack.
      if (this.#health.state === 'ok') this.logger.error({ err: error }, 'sessions.status failed');
      this.#health.becameUnavailable(
        error instanceof Error ? error.message : 'it threw something that is not an Error',
      );
      return unavailable(error);
    } finally {
      this.#health.took('sessions', startedAtMs);
    }
  }
}

/** Whether a value from the application can be the id of one of its sessions. */
export function isSessionId(session: unknown): session is string {
  return typeof session === 'string' && SESSION_ID.test(session);
}

function isStatus(value: unknown): value is ReadonlyMap<string, Date> {
  if (!(value instanceof Map)) return false;
  return [...value.values()].every((end) => end instanceof Date && !Number.isNaN(end.getTime()));
}

/** A table may keep the row of a session that has expired. */
function withoutEnded(live: ReadonlyMap<string, Date>): ReadonlyMap<string, Date> {
  const now = Date.now();
  return new Map([...live].filter(([, end]) => end.getTime() > now));
}

function unavailable(cause: unknown): never {
  throw new UnavailableError(undefined, { cause });
}

async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const answer = await within(ANSWER_WITHIN_MS, ask(), LATE);
  if (answer === LATE) throw new Error(`no answer within ${ANSWER_WITHIN_MS} ms`);
  return answer;
}

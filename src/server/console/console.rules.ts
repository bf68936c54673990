import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { HTTP_CONFIG } from '../../identity/identity.config.js';
import { ForbiddenError, UnauthenticatedError } from '../../live/errors/sallyport.errors.js';
import { cutOrigin } from '../../live/gateway/admission/origin.policy.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import { PublishRate } from '../../live/publish/publish-rate.js';
import { clientFacts } from '../../live/viewer/client-address.js';
import type { ServerConfig } from '../config/config.js';
import { ownOriginsOf } from '../http/own-origins.js';
import { requireJson } from '../http/request-bodies.js';
import type { RouteRule } from '../http/route-rules.js';
import { ConsoleCookie } from './console-cookie.js';
import { ConsoleSessions } from './console-sessions.service.js';
import { admitOperator, type Operator } from './operator.js';

/** The path under which the console's page asks. */
export const CONSOLE_API = '/console/api';
/** The largest body: an event with the largest payload. */
const MAX_BODY_BYTES = 96 * 1024;
/** Sent with the background requests of an idle page: they do not keep its session open. */
const BACKGROUND_HEADER = 'sallyport-background';

/** An endpoint below {@link CONSOLE_API}. */
interface Endpoint {
  readonly path: string;
  readonly methods: readonly string[];
  /** What a request counts in the rate limit of the operator's key, in events. Default: the least. */
  readonly counts?: number;
  /** Default: {@link MAX_BODY_BYTES}. */
  readonly bodyLimitBytes?: number;
  /** Whether it is for those who are not signed in. */
  readonly isOpen?: true;
}

/** A look-up counts as much as one of another backend: a thousand in ten seconds, against enumeration. */
const LOOK_UP = { counts: 1_000 };
const GET = ['GET'];
const POST = ['POST'];

const ENDPOINTS: readonly Endpoint[] = [
  { path: '/sign-in', methods: POST, isOpen: true, bodyLimitBytes: 8 * 1024 },
  { path: '/sign-out', methods: POST },
  { path: '/session', methods: GET },
  { path: '/nodes', methods: GET },
  { path: '/viewer', methods: POST, ...LOOK_UP },
  { path: '/viewer/events', methods: POST, ...LOOK_UP },
  { path: '/viewer/disconnect', methods: POST },
  { path: '/viewer/revoke-session', methods: POST },
  { path: '/feeds', methods: GET },
  { path: '/publish', methods: POST },
  { path: '/keys', methods: [...GET, ...POST] },
  { path: '/keys/revoke', methods: POST },
  { path: '/audit', methods: GET, ...LOOK_UP },
];

/** Who may call the console's endpoints. Applied before a body is read. */
@Injectable()
export class ConsoleAdmission {
  readonly #ownOrigins: ReadonlySet<string>;

  constructor(
    private readonly sessions: ConsoleSessions,
    private readonly cookie: ConsoleCookie,
    private readonly audit: AuditLog,
    @Inject(HTTP_CONFIG) private readonly http: ServerConfig,
  ) {
    this.#ownOrigins = new Set(ownOriginsOf(http));
  }

  /**
   * Refuses what another page could have caused. Only this server's own pages may call, not those of `ALLOWED_ORIGINS`.
   *
   * @throws ForbiddenError for another origin, and for a POST that does not say where it comes from; HttpRefusalError
   * for a POST that is not JSON
   */
  refuseOthers(request: FastifyRequest): void {
    const { method, headers } = request;
    const { origin } = headers;
    const site = headers['sec-fetch-site'];
    const isOwn =
      (origin === undefined || this.#ownOrigins.has(origin)) &&
      (site === undefined || site === 'same-origin') &&
      (method !== 'POST' || origin !== undefined || site !== undefined);
    if (!isOwn) {
      const { address } = clientFacts(request.raw, this.http.trustedProxies);
      this.audit.record('console-refused', { address, reason: 'other-origin', origin: cutOrigin(origin ?? null) });
      throw new ForbiddenError('Only the page of the console may call this.');
    }
    if (method === 'POST') requireJson(request);
  }

  /** Requires a session. @throws UnauthenticatedError; UnavailableError */
  async requireSession(request: FastifyRequest): Promise<Operator> {
    const secret = this.cookie.read(request.headers.cookie);
    const { address } = clientFacts(request.raw, this.http.trustedProxies);
    const isUse = request.headers[BACKGROUND_HEADER] === undefined;
    const operator = secret === null ? null : await this.sessions.find(secret, address, isUse);
    if (!operator) throw new UnauthenticatedError('Sign in to the console.');
    admitOperator(request, operator);
    return operator;
  }
}

/** The rules of the console's endpoints. */
@Injectable()
export class ConsoleRules {
  readonly all: readonly RouteRule[];

  constructor(
    private readonly admission: ConsoleAdmission,
    private readonly rate: PublishRate,
    private readonly audit: AuditLog,
  ) {
    this.all = ENDPOINTS.map((endpoint) => this.#rule(endpoint));
  }

  #rule({ path, methods, counts = 1, bodyLimitBytes = MAX_BODY_BYTES, isOpen }: Endpoint): RouteRule {
    return {
      path: CONSOLE_API + path,
      methods,
      bodyLimitBytes,
      admit: async (request, reply) => {
        void reply.header('Cache-Control', 'no-store').header('Vary', 'Origin, Cookie');
        this.admission.refuseOthers(request);
        if (!isOpen) await this.#spend(await this.admission.requireSession(request), counts);
      },
    };
  }

  #spend({ key, address }: Operator, counts: number): Promise<void> {
    const entry = { by: 'operator', operator: key.name, address } as const;
    return this.audit.throttled('api-key-throttled', entry, () => this.rate.spend(key, counts));
  }
}

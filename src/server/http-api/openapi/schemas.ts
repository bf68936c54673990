import { MAX_KEY_LENGTH } from '../../../live/publish/published-event.js';
import { MAX_EVENTS } from '../../../live/publish/publisher.service.js';
import { MAX_TOKEN_LIFE_SECONDS } from '../../../live/tokens/token-claims.js';
import { ERROR_CODES } from '../../../protocol/error-code.js';

/** A JSON Schema (2020-12), as OpenAPI 3.1 uses it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A reference to one of {@link SCHEMAS}. */
export function schema(name: keyof typeof SCHEMAS): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

const object = (required: readonly string[], properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  required,
  properties,
  additionalProperties: false,
  ...more,
});

const INSTANT: Schema = { type: 'string', format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] };
/** A field that may be there as null, which counts as absent. */
const ABSENT: Schema = { type: 'null' };
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** The schemas of the HTTP API, by name. */
export const SCHEMAS = {
  ViewerId: {
    description: 'A viewer: an account, a customer of a shop, or a user of another source.',
    type: 'string',
    maxLength: 642,
    pattern: '^(?:user:[0-9a-f-]{36}|customer:[a-z0-9.-]+:[1-9][0-9]{0,19}|external:[a-z0-9][a-z0-9-]{0,31}:[^:]+)$',
    examples: ['user:6f1c0d0e-2c5f-4f0a-9d52-0b6f3c1a7e11', 'external:acme:1234'],
  },
  Topic: {
    description: 'The topic of a feed.',
    type: 'string',
    examples: ['notifications', 'user_count'],
  },
  Cursor: {
    description: 'A position in a topic. Opaque.',
    type: 'string',
    maxLength: 64,
    examples: ['bW9ja2Vwb2No.1z'],
  },
  Event: object(['topic', 'viewer', 'payload'], {
    topic: ref('Topic'),
    viewer: ref('ViewerId'),
    payload: { description: "A JSON value of the feed's GraphQL type: at most 64 KiB, 64 levels deep." },
    key: {
      description: 'An idempotency key: the same event sent again within 5 minutes is delivered once.',
      type: 'string',
      minLength: 1,
      maxLength: MAX_KEY_LENGTH,
    },
  }),
  Events: object(['events'], { events: { type: 'array', maxItems: MAX_EVENTS, items: ref('Event') } }),
  PublishResult: {
    description: 'The result for one event: its cursor, or why it was not published.',
    oneOf: [object(['cursor'], { cursor: ref('Cursor') }), ref('Error')],
  },
  PublishResults: object(['results'], {
    results: {
      description: 'One result for each event, in their order.',
      type: 'array',
      items: ref('PublishResult'),
    },
  }),
  TokenRequest: object(['viewer'], {
    viewer: ref('ViewerId'),
    session: {
      description: "Your id for the viewer's session: 1 to 200 bytes. The socket then depends on this session.",
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 200,
    },
    expiresInSeconds: {
      description: 'How long the token opens a socket. Default: TOKEN_TTL_SECONDS.',
      type: ['integer', 'null'],
      minimum: 1,
      maximum: MAX_TOKEN_LIFE_SECONDS,
    },
  }),
  Token: object(['token', 'expiresAt'], {
    token: { description: 'For connection_init. A secret.', type: 'string' },
    expiresAt: INSTANT,
  }),
  Disconnection: {
    description: 'What to disconnect: a viewer or a session.',
    oneOf: [
      object(['viewer'], { viewer: ref('ViewerId'), session: ABSENT }),
      object(['session'], {
        session: { description: 'See PROTOCOL.md, section 9.', type: 'string', minLength: 1 },
        viewer: ABSENT,
      }),
    ],
  },
  Nothing: object([], {}, { description: 'An empty object.' }),
  Presence: object(['viewer', 'online', 'connections', 'since'], {
    viewer: ref('ViewerId'),
    online: { type: 'boolean' },
    connections: { description: 'The number of open sockets on all nodes.', type: 'integer', minimum: 0 },
    since: {
      description: 'When the oldest open socket was opened; null for a viewer who is offline.',
      type: ['string', 'null'],
      format: 'date-time',
    },
  }),
  Presences: object(['viewers'], {
    viewers: {
      description: 'One entry for each viewer parameter, in their order.',
      type: 'array',
      items: ref('Presence'),
    },
  }),
  History: object(['events', 'recovered'], {
    events: {
      description: 'Oldest first.',
      type: 'array',
      items: object(['cursor', 'payload'], {
        cursor: ref('Cursor'),
        payload: { description: "A JSON value of the feed's GraphQL type." },
      }),
    },
    recovered: {
      description: 'False if the event directly after `after` is no longer kept. True without `after`.',
      type: 'boolean',
    },
  }),
  ViewerQuery: {
    description: 'Whom to find: by e-mail, or by the subject of a source.',
    oneOf: [
      object(['email'], { email: { type: 'string', maxLength: 254, examples: ['ada@example.com'] } }),
      object(['source', 'subject'], {
        source: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,31}$', examples: ['acme'] },
        subject: { type: 'string', minLength: 1, maxLength: 200, examples: ['1234'] },
      }),
    ],
  },
  FoundViewer: object(['viewer'], { viewer: ref('ViewerId') }),
  LogoutForm: object(
    ['logout_token'],
    { logout_token: { description: 'A logout token (OpenID Connect Back-Channel Logout 1.0).', type: 'string' } },
    // Other parameters must be ignored (§2.5 there).
    { additionalProperties: true },
  ),
  Liveness: object(['status'], { status: { const: 'ok' } }),
  Readiness: object(['status', 'checks'], {
    status: { enum: ['ok', 'unavailable'] },
    checks: {
      description: 'The result of each check.',
      type: 'object',
      additionalProperties: { type: 'string' },
    },
  }),
  Error: object(['error'], {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { description: 'See docs/errors.md.', enum: ERROR_CODES },
        message: { description: 'What happened and what to do; for people.', type: 'string' },
        field: { description: 'The parameter or body field that is wrong.', type: 'string' },
        retryAfterSeconds: {
          description: 'When the same request may succeed, as in Retry-After.',
          type: 'integer',
          minimum: 1,
        },
      },
    },
  }),
} as const satisfies Record<string, Schema>;

import { MAX_TOKEN_LIFE_SECONDS } from '../../../live/tokens/token-claims.js';
import { DEFAULT_EVENTS, MAX_EVENTS } from '../history.controller.js';
import { MAX_VIEWERS } from '../presence.controller.js';
import { body, ok, parameter, refusals } from './operations.js';
import { type Schema, schema } from './schemas.js';

const VIEWER = 'external:acme:1234';
const CURSOR = 'bW9ja2Vwb2No.1z';
const SINCE = '2026-01-31T12:00:00.000Z';
const NOTIFICATION = { kind: 'shipped', title: 'Order 1001 is on its way' };

const publish: Schema = {
  operationId: 'publish',
  tags: ['Events'],
  summary: 'Publish events',
  description:
    'Publishes up to 1,000 events, at most 1 MiB. Each event is checked on its own; events of one topic keep their order. Scope `publish`, or `publish:<topic>` for one topic.',
  requestBody: body('Events', {
    events: [{ topic: 'notifications', viewer: VIEWER, payload: NOTIFICATION, key: '1001 shipped' }],
  }),
  responses: {
    ...ok('Every event was processed; the results are in the order of the events.', 'PublishResults', {
      results: [{ cursor: CURSOR }],
    }),
    ...refusals(400, 401, 403, 413, 415, 429, 503),
  },
};

const tokens: Schema = {
  operationId: 'createToken',
  tags: ['Connections'],
  summary: 'Create a token for a viewer',
  description: `Creates a token that the viewer's page sends in \`connection_init\`, valid for at most ${MAX_TOKEN_LIFE_SECONDS} seconds. Scope \`tokens:<source>\` of the viewer's source.`,
  requestBody: body('TokenRequest', { viewer: VIEWER, session: 'f81d4fae', expiresInSeconds: 60 }),
  responses: {
    ...ok('The token.', 'Token', { token: 'eyJ…', expiresAt: SINCE }),
    ...refusals(400, 401, 403, 413, 415, 429, 503),
  },
};

const disconnect: Schema = {
  operationId: 'disconnect',
  tags: ['Connections'],
  summary: 'Disconnect a viewer or a session',
  description:
    'Closes the sockets with 4401 on every node, and refuses the tokens issued so far. Responds when every reachable node has been notified. Scope `disconnect`.',
  requestBody: body('Disconnection', { viewer: VIEWER }),
  responses: { ...ok('Disconnected.', 'Nothing', {}), ...refusals(400, 401, 403, 413, 415, 429, 503) },
};

const presence: Schema = {
  operationId: 'getPresence',
  tags: ['Viewers'],
  summary: 'Find out who is online',
  description: 'Returns which viewers have open sockets, over all nodes. Scope `presence`.',
  parameters: [
    parameter(
      'viewer',
      'Whom to look up; repeat the parameter for several.',
      { type: 'array', minItems: 1, maxItems: MAX_VIEWERS, items: schema('ViewerId') },
      { required: true, style: 'form', explode: true, example: [VIEWER] },
    ),
  ],
  responses: {
    ...ok('One entry for each parameter, in their order.', 'Presences', {
      viewers: [{ viewer: VIEWER, online: true, connections: 2, since: SINCE }],
    }),
    ...refusals(400, 401, 403, 429, 503),
  },
};

const history: Schema = {
  operationId: 'getHistory',
  tags: ['Events'],
  summary: 'Read the history of a topic',
  description:
    'Returns the events of a topic that are still kept, oldest first. A response ends early once its payloads reach 1 MiB: ask again with the last cursor until `events` is empty. Scope `history`.',
  parameters: [
    parameter('topic', "The feed's topic.", schema('Topic'), { required: true, example: 'notifications' }),
    parameter('viewer', 'Whose topic it is.', schema('ViewerId'), { required: true, example: VIEWER }),
    parameter('after', 'Return what follows this cursor. Default: from the oldest event that is kept.', {
      type: 'string',
    }),
    parameter('limit', 'The maximum number of events to return.', {
      type: 'integer',
      minimum: 1,
      maximum: MAX_EVENTS,
      default: DEFAULT_EVENTS,
    }),
  ],
  responses: {
    ...ok('A part of the history.', 'History', {
      events: [{ cursor: CURSOR, payload: NOTIFICATION }],
      recovered: true,
    }),
    ...refusals(400, 401, 403, 404, 429, 503),
  },
};

const findViewer: Schema = {
  operationId: 'findViewer',
  tags: ['Viewers'],
  summary: 'Find a viewer',
  description:
    'Returns the viewer id of an account by its e-mail, or of a subject of a source. A POST, because proxies write URLs to their logs. Scope `viewers`.',
  requestBody: body('ViewerQuery', { email: 'ada@example.com' }),
  responses: {
    ...ok('The viewer.', 'FoundViewer', { viewer: 'user:6f1c0d0e-2c5f-4f0a-9d52-0b6f3c1a7e11' }),
    ...refusals(400, 401, 403, 404, 413, 415, 429, 503),
  },
};

/** The endpoints for other backends: they require an API key. */
export const BACKEND_PATHS: Readonly<Record<string, Schema>> = {
  '/publish': { post: publish },
  '/tokens': { post: tokens },
  '/disconnect': { post: disconnect },
  '/presence': { get: presence },
  '/history': { get: history },
  '/viewers/find': { post: findViewer },
};

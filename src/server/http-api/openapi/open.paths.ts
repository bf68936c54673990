import { json, ok, parameter, refusal, refusals } from './operations.js';
import { type Schema, schema } from './schemas.js';

const CHECKS = { node: 'ok', database: 'ok', redis: 'not configured' };

/** Authenticated by something else than an API key, or not at all. */
const open = (operation: Schema): Schema => ({ security: [], ...operation });

const logout = open({
  operationId: 'backchannelLogout',
  tags: ['Sign-out'],
  summary: 'OpenID Connect Back-Channel Logout',
  description:
    'Called by an identity provider of TRUSTED_ISSUERS when a user signs out there. The token is its authentication.',
  requestBody: {
    required: true,
    content: {
      'application/x-www-form-urlencoded': { schema: schema('LogoutForm'), example: { logout_token: 'eyJ…' } },
    },
  },
  responses: {
    200: { description: 'The sockets have closed on every reachable node.' },
    ...refusals(400, 413, 415, 429, 503),
  },
});

const liveness = open({
  operationId: 'getLiveness',
  tags: ['Operations'],
  summary: 'Whether the process serves HTTP',
  responses: ok('The process serves HTTP.', 'Liveness', { status: 'ok' }),
});

const readiness = open({
  operationId: 'getReadiness',
  tags: ['Operations'],
  summary: 'Whether clients may be sent to this node',
  responses: {
    ...ok('Clients may be sent to this node.', 'Readiness', { status: 'ok', checks: CHECKS }),
    503: {
      description: 'A store is unavailable, or the node is draining.',
      content: json('Readiness', { status: 'unavailable', checks: { ...CHECKS, database: 'unavailable' } }),
    },
  },
});

const metrics = open({
  operationId: 'getMetrics',
  tags: ['Operations'],
  summary: 'Metrics for Prometheus',
  responses: {
    200: { description: 'The metrics of this node.', content: { 'text/plain': { schema: { type: 'string' } } } },
    ...refusals(404, 503),
  },
});

const document = open({
  operationId: 'getOpenApi',
  tags: ['Operations'],
  summary: 'This document',
  responses: {
    200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
  },
});

const SIGNED_PARAMETERS = [
  parameter('shop', "The shop's myshopify.com domain.", { type: 'string' }, { required: true }),
  parameter('path_prefix', 'The path of the proxy in the shop.', { type: 'string' }, { required: true }),
  parameter('timestamp', 'Seconds since the epoch, within 90 s.', { type: 'string' }, { required: true }),
  parameter('signature', 'The HMAC of the other parameters.', { type: 'string' }, { required: true }),
  parameter('logged_in_customer_id', 'Absent or empty for a visitor who is not logged in.', { type: 'string' }),
];

const REFUSED_VISITS = {
  403: refusal(
    "The shop's proxy has not signed the request, or did not pass on what APP_PROXY_BIND requires.",
    'FORBIDDEN',
    "Only requests that the shop's proxy has signed are answered here.",
  ),
  ...refusals(404, 429, 503),
};

const page = open({
  operationId: 'getProxiedPage',
  tags: ['App proxy'],
  summary: 'The live page of a shop',
  description: "Called by a shop's app proxy, which signs the query; any path below `/app-proxy` is the same page.",
  parameters: SIGNED_PARAMETERS,
  responses: {
    200: {
      description: 'The page, as Liquid that the shop renders.',
      content: { 'application/liquid': { schema: { type: 'string' } } },
    },
    ...REFUSED_VISITS,
  },
});

const pageToken = open({
  operationId: 'getProxiedToken',
  tags: ['App proxy'],
  summary: "A new token for a shop's page",
  description: "Called by a shop's app proxy, which signs the query, for a page whose token expires soon.",
  parameters: SIGNED_PARAMETERS,
  responses: {
    ...ok('The token.', 'Token', { token: 'eyJ…', expiresAt: '2026-01-31T12:00:00.000Z' }),
    401: refusal('The visitor is not logged in at the shop.', 'UNAUTHENTICATED', 'Log in to the shop first.'),
    ...REFUSED_VISITS,
  },
});

/** The endpoints without an API key. */
export const OPEN_PATHS: Readonly<Record<string, Schema>> = {
  '/oidc/backchannel-logout': { post: logout },
  '/app-proxy': { get: page },
  '/app-proxy/token': { get: pageToken },
  '/healthz': { get: liveness },
  '/readyz': { get: readiness },
  '/metrics': { get: metrics },
  '/openapi.json': { get: document },
};

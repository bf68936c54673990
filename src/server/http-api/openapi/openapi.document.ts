import { BACKEND_PATHS } from './backend.paths.js';
import { OPEN_PATHS } from './open.paths.js';
import { REFUSALS, responseName } from './operations.js';
import { type Schema, SCHEMAS } from './schemas.js';

/** The version of the HTTP API. It increases when a client of the previous one would fail. */
const VERSION = '1.0.0';

/**
 * The OpenAPI 3.1 document of the HTTP API, as `GET /openapi.json` returns it. It is written by hand: see
 * docs/decisions/openapi-is-written-by-hand.md. Tests compare it with the routes and with the responses of a running
 * server. `/graphql` is not in it: schema.gql and PROTOCOL.md describe it.
 */
export const OPENAPI_DOCUMENT: Schema = {
  openapi: '3.1.0',
  info: {
    title: 'Sallyport HTTP API',
    version: VERSION,
    description:
      'For other backends: publish events to viewers, open and close their connections, and ask who is online. PROTOCOL.md is the contract; docs/errors.md lists every error code.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/', description: 'The server that this document comes from.' }],
  tags: [
    { name: 'Events', description: 'Publishing events and reading what is kept.' },
    { name: 'Connections', description: "Opening and closing viewers' sockets." },
    { name: 'Viewers', description: 'Presence, and finding viewer ids.' },
    { name: 'Sign-out', description: 'For identity providers.' },
    { name: 'App proxy', description: "For a shop's app proxy." },
    { name: 'Operations', description: 'For load balancers and monitoring.' },
  ],
  security: [{ apiKey: [] }],
  paths: { ...BACKEND_PATHS, ...OPEN_PATHS },
  components: {
    securitySchemes: {
      apiKey: {
        type: 'http',
        scheme: 'bearer',
        description:
          'An API key from `npm run cli -- api-key create NAME --allow SCOPES`. Each operation names its scope.',
      },
    },
    responses: Object.fromEntries(
      Object.entries(REFUSALS).map(([status, response]) => [responseName(Number(status)), response]),
    ),
    schemas: SCHEMAS,
  },
};

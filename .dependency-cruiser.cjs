// A folder of src/ imports folders of a lower rank only; folders of one rank never meet (docs/architecture.md).
const RANKS = [
  ['protocol'],
  ['live'],
  ['identity', 'feeds', 'module'],
  ['server', 'testing'],
  ['app.module', 'index'],
  ['create-app'],
  ['main'],
];

// The same inside live. Its modules wire the folders together and are free of it.
const LIVE_RANKS = [
  ['errors', 'deadline', 'instant', 'tracing'],
  ['logging', 'viewer'],
  ['live.config', 'metrics-registry'],
  ['topics', 'presence', 'leases', 'rate-limit', 'tokens'],
  ['sessions'],
  ['store'],
  ['feeds'],
  ['publish', 'gateway'],
];

// Inside identity: an app's own sessions need nothing of the app proxy, and the app proxy nothing of accounts.
const IDENTITY_RANKS = [
  ['identity.config'],
  ['database'],
  ['accounts', 'api-keys', 'app-proxy', 'audit', 'issuers'],
  ['sessions'],
  ['sign-in'],
];

// Inside the gateway: what a socket is, who gets one, what may be asked of it.
const GATEWAY_RANKS = [
  ['connection-authenticator'],
  ['connection'],
  ['admission'],
  ['execution'],
  ['socket.protocol'],
  ['connections'],
  ['socket.gateway'],
  ['gateway.module'],
];

const SPECS = '\\.spec\\.ts$';
const named = (names) => `(?:${names.join('|').replaceAll('.', '\\.')})(?:/|\\.ts$)`;

/** One rule per folder: whatever is neither itself nor below it is out of reach. */
function walls(ranks, base, free = SPECS) {
  return ranks.flatMap((rank, height) =>
    rank.map((folder) => ({
      name: `${base}${folder}-imports-downwards`,
      comment: `${base}${folder} has rank ${height}: it may import itself and lower ranks only (docs/architecture.md).`,
      severity: 'error',
      from: { path: `^${base}${named([folder])}`, pathNot: free },
      to: { path: `^${base}`, pathNot: `^${base}${named([folder, ...ranks.slice(0, height).flat()])}` },
    })),
  );
}

module.exports = {
  forbidden: [
    ...walls(RANKS, 'src/'),
    ...walls(LIVE_RANKS, 'src/live/', `${SPECS}|\\.module\\.ts$`),
    ...walls(IDENTITY_RANKS, 'src/identity/'),
    ...walls(GATEWAY_RANKS, 'src/live/gateway/'),
    {
      name: 'every-folder-has-a-rank',
      comment: 'A new folder in src/ gets its place in RANKS of .dependency-cruiser.cjs first.',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/${named(RANKS.flat())}` },
    },
    {
      name: 'feeds-never-meet',
      comment: 'A feed is copied to make another: it stands alone beside its siblings.',
      severity: 'error',
      from: { path: '^src/feeds/([^/]+)/' },
      to: { path: '^src/feeds/([^/]+)/', pathNot: '^src/feeds/$1/' },
    },
    {
      name: 'no-cycles',
      comment: 'Two modules that import each other crash on load in ESM as soon as a decorator reads the other one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'client-knows-only-the-protocol',
      severity: 'error',
      from: { path: '^client/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(?:src/(?!protocol/)|web/|test/|bench/|scripts/)' },
    },
    {
      name: 'web-knows-only-the-client',
      severity: 'error',
      from: { path: '^web/', pathNot: '\\.spec\\.tsx?$' },
      to: { path: '^(?:src/|test/|bench/|scripts/)' },
    },
    {
      name: 'the-console-stands-alone',
      comment: 'Nothing of the console is in the files that the app loads.',
      severity: 'error',
      from: { path: '^web/', pathNot: '^web/console/' },
      to: { path: '^web/console/' },
    },
    {
      name: 'the-server-imports-nothing-outside',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(?:client|web|test|bench|scripts)/' },
    },
    {
      name: 'the-server-runs-on-dependencies-only',
      comment: 'A production install has no devDependencies.',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(?:dist|client/dist|bench/node_modules)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.d.ts', '.js', '.mjs', '.json'],
    },
    moduleSystems: ['es6', 'cjs'],
  },
};

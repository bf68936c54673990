// The walls of the house. A folder of src/ imports folders of a lower rank only; folders of one rank never meet.
const RANKS = [
  ['protocol'],
  ['errors'],
  ['config'],
  ['logging', 'viewer'],
  ['metrics'],
  ['database', 'redis', 'http'],
  ['topics'],
  ['auth'],
  ['feeds', 'app-proxy', 'publish'],
  ['gateway', 'health', 'pages'],
  ['app.module'],
  ['create-app'],
  ['main', 'cli'],
];

// Inside auth the same rule once more.
const AUTH_RANKS = [['throttle'], ['account'], ['session'], ['token'], ['me']];

// Inside the gateway: what a socket is, who gets one, what may be asked of it, and how the answers get there.
const GATEWAY_RANKS = [
  ['connection'],
  ['door'],
  ['graphql'],
  ['delivery'],
  ['socket.protocol'],
  ['connections'],
  ['socket.gateway'],
  ['gateway.module'],
];

const named = (names) => `(?:${names.join('|').replaceAll('.', '\\.')})(?:/|\\.ts$)`;

/** One rule per folder: whatever is neither itself nor below it is out of reach. */
function walls(ranks, base) {
  return ranks.flatMap((rank, height) =>
    rank.map((folder) => ({
      name: `${base}${folder}-imports-downwards`,
      comment: `${base}${folder} has rank ${height}: it may import itself and lower ranks only (docs/architecture.md).`,
      severity: 'error',
      from: { path: `^${base}${named([folder])}` },
      to: { path: `^${base}`, pathNot: `^${base}${named([folder, ...ranks.slice(0, height).flat()])}` },
    })),
  );
}

module.exports = {
  forbidden: [
    ...walls(RANKS, 'src/'),
    ...walls(AUTH_RANKS, 'src/auth/'),
    ...walls(GATEWAY_RANKS, 'src/gateway/'),
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

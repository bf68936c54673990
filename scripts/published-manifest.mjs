import { execFileSync } from 'node:child_process';
import { PACKAGE_FOLDER } from './build-package.mjs';

/**
 * What the application already has: two copies of these would not know each other's classes, metadata or schema. The
 * oldest version of each is the one that has all that src/ uses.
 */
const PEERS = {
  '@nestjs/common': '^11.0.1 || ^12.0.0',
  '@nestjs/core': '^11.0.1 || ^12.0.0',
  '@nestjs/graphql': '^13.0.0 || ^14.0.0',
  '@opentelemetry/api': '^1.4.0',
  'class-transformer': '^0.5.1',
  'class-validator': '^0.14.0 || ^0.15.0',
  graphql: '^16.10.0',
};

/** What only some stores need: an application installs that of the store that it uses. */
const OPTIONAL_PEERS = { pg: '^8.15.0' };

/**
 * The manifest of the Nest module alone. The repository's own names what the whole server depends on.
 *
 * @param {Record<string, any>} manifest the repository's own
 * @param {{ entries: readonly string[], imports: readonly string[] }} built what the bundles have and import
 * @throws Error when an import is not a dependency of the server, or a peer is not imported
 */
export function moduleManifest({ name, version, description, keywords, license, type, engines, dependencies }, built) {
  const { entries, imports } = built;
  const peers = { ...PEERS, ...OPTIONAL_PEERS };
  const unused = Object.keys(peers).filter((peer) => !imports.includes(peer));
  if (unused.length > 0)
    throw new Error(`Nothing of the package imports ${unused.join(', ')}: remove it from the peers.`);
  const own = imports.filter((imported) => !(imported in peers));
  const unknown = own.filter((imported) => !(imported in dependencies));
  if (unknown.length > 0)
    throw new Error(`The package imports ${unknown.join(', ')}: list it in PEERS, or in package.json as a dependency.`);
  const others = entries.filter((entry) => entry !== 'index');
  return {
    ...{ name, version, description, keywords, license, ...repository(), type, engines },
    main: fileOf('index', '.cjs'),
    module: fileOf('index', '.js'),
    types: fileOf('index', '.d.cts'),
    exports: Object.fromEntries([
      ...entries.map((entry) => [entry === 'index' ? '.' : `./${entry}`, conditionsOf(entry)]),
      ['./package.json', './package.json'],
    ]),
    // For `moduleResolution: node10`, which knows no exports.
    ...(others.length > 0 && { typesVersions: { '*': Object.fromEntries(others.map(typesOf)) } }),
    sideEffects: false,
    files: [PACKAGE_FOLDER],
    dependencies: Object.fromEntries(own.map((imported) => [imported, dependencies[imported]])),
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(Object.keys(OPTIONAL_PEERS).map((peer) => [peer, { optional: true }])),
    publishConfig: PUBLISH_CONFIG,
  };
}

/**
 * The manifest of sallyport-client: its own, without what only its build needs.
 *
 * @param {Record<string, any>} manifest as it is in client/
 */
export function clientManifest({ scripts: _scripts, ...manifest }) {
  return { ...manifest, ...repository('client'), publishConfig: PUBLISH_CONFIG };
}

/** Provenance ties a published version to the commit and the build that made it. */
const PUBLISH_CONFIG = { access: 'public', provenance: true };

const fileOf = (entry, ending) => `./${PACKAGE_FOLDER}/${entry}${ending}`;

const typesOf = (entry) => [entry, [fileOf(entry, '.d.cts')]];

const conditionsOf = (entry) => ({
  import: { types: fileOf(entry, '.d.ts'), default: fileOf(entry, '.js') },
  require: { types: fileOf(entry, '.d.cts'), default: fileOf(entry, '.cjs') },
});

/**
 * Where this clone comes from, which provenance is compared with. A clone of a folder, or none at all, has no such
 * place.
 */
function repository(directory) {
  // A clone in CI may have its token in the URL.
  const url = (process.env.SALLYPORT_REPOSITORY ?? origin()).replace(/^((?:git\+)?https:\/\/)[^/@]+@/, '$1');
  if (!/^(?:git\+)?(?:https|ssh):\/\/|^git@/.test(url)) return {};
  return { repository: { type: 'git', url, ...(directory && { directory }) } };
}

function origin() {
  try {
    return execFileSync('git', ['remote', 'get-url', 'origin'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

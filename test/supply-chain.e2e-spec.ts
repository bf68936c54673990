import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const manifest = read('package.json') as LockedPackage & { readonly private: boolean };
const { packages } = read('package-lock.json') as { readonly packages: Readonly<Record<string, LockedPackage>> };
const installed = Object.entries(packages).filter(([path, { link }]) => path.startsWith('node_modules/') && !link);

const EXAMPLES = readdirSync(new URL('../examples', import.meta.url)).filter((name) =>
  existsSync(new URL(`../examples/${name}/package.json`, import.meta.url)),
);

/** Packages with an install script. A new one needs a decision, and an entry here. */
const WITH_SCRIPTS = ['@apollo/protobufjs', 'esbuild'];

/** Packages that must be installed once: two copies would not share classes, or would disagree on the wire. */
const SINGLE = ['graphql', 'graphql-ws', 'ws', 'react', 'react-dom', '@nestjs/common', '@nestjs/core'];

describe('SC-1 the lockfile', () => {
  it('locks the dependencies of package.json', () => {
    const { dependencies, devDependencies } = packages[''] ?? {};
    expect({ dependencies, devDependencies }).toEqual({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
  });

  it('has a digest of every package, and none from a repository or a custom URL', () => {
    const loose = installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    const elsewhere = installed.filter(
      ([, { resolved }]) => resolved !== undefined && !resolved.startsWith('https://'),
    );
    expect({ loose, elsewhere }).toEqual({ loose: [], elsewhere: [] });
    for (const range of Object.values({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect(range).toMatch(/^(?:[~^]?\d|file:schematics$)/);
  });

  it('has no install scripts except the known ones', () => {
    const names = installed.flatMap(([path, one]) =>
      one.hasInstallScript ? [path.split('node_modules/').at(-1)] : [],
    );
    expect(new Set(names)).toEqual(new Set(WITH_SCRIPTS));
  });

  it.each(SINGLE)('installs %s in one version; use "overrides" in package.json if needed', (name) => {
    const places = Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
    expect(new Set(places.map(([, { version }]) => version)).size).toBe(1);
  });

  it('belongs to a package that cannot be published by mistake', () => {
    expect(manifest.private).toBe(true);
  });
});

describe('SC-1 the lockfiles of the examples', () => {
  it.each(EXAMPLES)('lock what package.json asks for, with digests of all but our own packages: %s', (name) => {
    const asked = read(`examples/${name}/package.json`) as LockedPackage;
    const locked = (read(`examples/${name}/package-lock.json`) as { packages: Readonly<Record<string, LockedPackage>> })
      .packages;
    expect(locked['']).toMatchObject({
      ...(asked.dependencies && { dependencies: asked.dependencies }),
      ...(asked.devDependencies && { devDependencies: asked.devDependencies }),
    });
    for (const [path, { resolved, integrity }] of Object.entries(locked).slice(1)) {
      if (/^node_modules\/sallyport(?:-client)?$/.test(path))
        expect({ resolved, integrity }).toEqual({
          resolved: expect.stringMatching(/^file:\.\.\/\.\.\/sallyport-/) as string,
        });
      else expect([path, integrity?.startsWith('sha512-'), resolved]).toEqual([path, true, undefined]);
    }
  });
});

describe('SC-1 npm run sbom', () => {
  it('lists every runtime package of the lockfile with its version and digest, and no other, as CycloneDX', () => {
    const cwd = new URL('..', import.meta.url);
    const printed = execFileSync('npm', ['run', '--silent', 'sbom'], {
      cwd,
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    });
    const { bomFormat, metadata, components } = JSON.parse(printed) as {
      bomFormat: string;
      metadata: { component: { name: string; type: string } };
      components: { name: string; version: string; purl: string; hashes?: { alg: string }[] }[];
    };
    expect([bomFormat, metadata.component.name, metadata.component.type]).toEqual([
      'CycloneDX',
      'sallyport',
      'application',
    ]);
    const listed = components.map((each) => `${each.name}@${each.version}`);
    const needed = installed.filter(([, { dev }]) => !dev);
    const names = needed.map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`);
    expect(new Set(listed)).toEqual(new Set(names));
    for (const name of Object.keys(manifest.dependencies ?? {}))
      expect(components.map((each) => each.name)).toContain(name);
    for (const { hashes = [] } of components) expect(hashes.map(({ alg }) => alg)).toContain('SHA-512');
  });
});

import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1';
import { Ingress, type IIngress, type INetworkPolicy, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget, type IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, type IConfigMap, type ISecret, Secret, type IService, Service } from 'kubernetes-models/v1';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { EnvironmentSchema, SECRET_VARIABLES } from '../src/server/config/environment.js';
import { loadConfig } from '../src/server/config/load-config.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, 'deploy/kubernetes');
/** The longest time that a node takes to stop, in seconds: sockets drain, then requests finish (docs/lifecycle.md). */
const STOP_SECONDS = 10 + 10;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(join(FOLDER, name), 'utf8')).map((each) => each.toJS() as Manifest),
);
const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  ConfigMap,
  Deployment,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
  Secret,
  Service,
};

function one<T>(kind: string): T {
  return manifests.find((each) => each.kind === kind) as T;
}

const deployment = one<IDeployment>('Deployment').spec!;
const pod = deployment.template.spec!;
const node = pod.containers[0]!;

/** Returns TypeScript's errors for the manifests, checked against Kubernetes's types: unknown fields are errors. */
function unknownFields(given: readonly Manifest[]): string[] {
  const name = join(ROOT, 'test/manifests-as-types.ts');
  const modules = new Map([...new Set(given.map(({ apiVersion }) => apiVersion))].map((each, index) => [each, index]));
  const imports = [...modules].map(
    ([version, index]) => `import type * as v${index} from 'kubernetes-models/${version}';`,
  );
  const values = given.map((each, index) => {
    const type = `v${modules.get(each.apiVersion)}.I${each.kind}`;
    return `export const m${index}: ${type} = ${JSON.stringify(each)};`;
  });
  const text = [...imports, ...values].join('\n');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const readSource = host.getSourceFile.bind(host);
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, text, ts.ScriptTarget.ESNext) : readSource(file, ...rest);
  const program = ts.createProgram([name], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

describe('the manifests of deploy/kubernetes', () => {
  const folder = temporaryFolder('kubernetes');
  afterAll(() => folder.remove());

  it('are valid by the schemas of Kubernetes', () => {
    for (const manifest of manifests) {
      const Kind = KINDS[manifest.kind];
      if (!Kind) throw new Error(`This test has no schema of ${manifest.kind}.`);
      expect(() => new Kind(manifest as never).validate()).not.toThrow();
    }
    const wrong = structuredClone(one<IDeployment>('Deployment'));
    wrong.spec!.template.spec!.securityContext!.runAsUser = 'node' as never;
    expect(() => new Deployment(wrong).validate()).toThrow('runAsUser');
  });

  it('have no field that Kubernetes does not know', () => {
    expect(unknownFields(manifests)).toEqual([]);
    const typo = structuredClone(manifests.find(({ kind }) => kind === 'Deployment')!) as never as {
      spec: { template: { spec: Record<string, unknown> } };
    };
    typo.spec.template.spec['terminationGracePeriod'] = 60;
    expect(unknownFields([typo as never])).toEqual([expect.stringContaining('terminationGracePeriod')]);
  });

  it('are listed in kustomization.yaml, except for the example of a secret', () => {
    const { resources } = parse(readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
    expect([...resources].sort()).toEqual(files.filter((name) => name !== 'secret.example.yaml').sort());
  });

  it('replace one node at a time, and only by one that is ready', () => {
    expect(deployment.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    expect(deployment.replicas).toBeGreaterThanOrEqual(2);
    expect(one<IPodDisruptionBudget>('PodDisruptionBudget').spec?.maxUnavailable).toBe(1);
  });

  it('give a node more time to stop than preStop, drain and requests take', () => {
    const [command, seconds] = node.lifecycle?.preStop?.exec?.command ?? [];
    expect(command).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(seconds) + STOP_SECONDS + 10);
  });

  it('probe what docs/operations.md names, and are patient with a start that waits for its stores', () => {
    expect(node.livenessProbe?.httpGet?.path).toBe('/healthz');
    expect(node.startupProbe?.httpGet?.path).toBe('/healthz');
    expect(node.readinessProbe?.httpGet?.path).toBe('/readyz');
    // Readiness checks take up to 2 s; at the start a node waits 30 s for PostgreSQL and 10 s for Redis.
    expect(node.readinessProbe?.timeoutSeconds).toBeGreaterThan(2);
    const { periodSeconds = 10, failureThreshold = 3 } = node.startupProbe ?? {};
    expect(periodSeconds * failureThreshold).toBeGreaterThan(60);
  });

  it('run as an unprivileged user that can write to /tmp only', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(node.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const writable = node.volumeMounts?.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
    expect(writable).toEqual(['/tmp']);
  });

  it('select the pods of the deployment everywhere, at the port that they listen on', () => {
    const { matchLabels } = deployment.selector;
    expect(deployment.template.metadata?.labels).toMatchObject(matchLabels!);
    const service = one<IService>('Service');
    expect(service.spec?.selector).toEqual(matchLabels);
    expect(one<IPodDisruptionBudget>('PodDisruptionBudget').spec?.selector).toEqual({ matchLabels });
    expect(service.spec?.ports?.[0]?.targetPort).toBe(node.ports?.[0]?.name);
    expect(node.ports?.[0]?.containerPort).toBe(3000);
    const { paths = [] } = one<IIngress>('Ingress').spec?.rules?.[0]?.http ?? {};
    const names = new Set(manifests.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name));
    for (const { backend } of paths) expect(names).toContain(backend.service?.name);
    const hidden = paths.filter(({ backend }) => backend.service?.name !== service.metadata?.name);
    expect(hidden.map(({ path }) => path)).toEqual(['/metrics', '/readyz']);
  });

  it('serve metrics on a port of their own, which only Prometheus reaches', () => {
    const port = Number(one<IConfigMap>('ConfigMap').data?.['METRICS_PORT']);
    expect(node.ports).toContainEqual({ name: 'metrics', containerPort: port });
    const services = manifests.filter(({ kind }) => kind === 'Service') as unknown as IService[];
    const ofMetrics = services.filter(({ spec }) => spec?.ports?.some(({ targetPort }) => targetPort === 'metrics'));
    expect(ofMetrics.map(({ metadata, spec }) => [metadata?.name, spec?.clusterIP])).toEqual([
      ['sallyport-metrics', 'None'],
    ]);
    expect(ofMetrics[0]?.spec?.ports?.[0]?.port).toBe(port);
    const { paths = [] } = one<IIngress>('Ingress').spec?.rules?.[0]?.http ?? {};
    for (const { backend } of paths) expect(backend.service?.name).not.toBe('sallyport-metrics');
    const opened = (one<INetworkPolicy>('NetworkPolicy').spec?.ingress ?? []).map(({ from = [], ports = [] }) => [
      from.map(({ namespaceSelector }) => namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name']),
      ports.map((each) => each.port),
    ]);
    expect(opened).toEqual([
      [['ingress'], ['http']],
      [['monitoring'], ['metrics']],
    ]);
    const prometheus = readFileSync(join(ROOT, 'deploy/prometheus/prometheus.yml'), 'utf8');
    expect(prometheus).toContain(`names: [sallyport-metrics.default.svc], type: A, port: ${port}`);
  });

  it('configure the nodes so that they start, with every secret from a mounted file', () => {
    const plain = one<IConfigMap>('ConfigMap').data ?? {};
    const secrets = Object.fromEntries((node.env ?? []).map(({ name, value = '' }) => [name, value]));
    const values: Record<string, string> = {
      'secret-keys': randomBytes(48).toString('base64'),
      'database-url': 'postgres://sallyport:0b7e1c55d1@postgres.example:5432/sallyport',
      'redis-url': 'rediss://:0b7e1c55d1@redis.example:6379',
    };
    expect(Object.keys(one<ISecret>('Secret').stringData ?? {}).sort()).toEqual(Object.keys(values).sort());
    const mount = node.volumeMounts?.find(({ name }) => name === 'secrets')?.mountPath ?? '';
    for (const [name, value] of Object.entries(values)) writeFileSync(join(folder.path, name), value);
    const env: Record<string, string> = { NODE_ENV: 'production', HOST: '0.0.0.0', DATA_DIR: folder.path, ...plain };
    for (const [name, value] of Object.entries(secrets)) env[name] = value.replace(mount, folder.path);
    expect(loadConfig(env)).toMatchObject({ ok: true });
    const known = Object.keys(EnvironmentSchema.shape);
    for (const name of [...Object.keys(plain), ...Object.keys(secrets)]) expect(known).toContain(name);
    for (const name of SECRET_VARIABLES) expect(plain).not.toHaveProperty(name);
  });
});

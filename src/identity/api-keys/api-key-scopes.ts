import { isSource } from '../../live/viewer/external-name.js';

/**
 * What an API key may do: `publish`, `publish:<topic>`, `tokens:<source>`, `disconnect`, `presence`, `history`,
 * `viewers`, `console` or `keys`.
 */
export type ApiKeyScope = string;

/** The scopes of a key that was created without scopes, as in 0.1.0. */
export const DEFAULT_SCOPES: readonly ApiKeyScope[] = ['publish'];

const WHOLE_SCOPES: ReadonlySet<string> = new Set([
  'publish',
  'disconnect',
  'presence',
  'history',
  'viewers',
  'console',
  'keys',
]);
const TOPIC = /^[a-z][a-z0-9_]{0,63}$/;
const TOKENS = 'tokens:';
const PUBLISH = 'publish:';
const MAX_SCOPES = 50;

/** Parsed scopes, or what is wrong with their list. */
export type ScopeList =
  { readonly ok: true; readonly scopes: readonly ApiKeyScope[] } | { readonly ok: false; readonly fault: string };

/** Parses comma-separated scopes. Checks their format only, not whether a topic or a source exists. */
export function parseScopes(text: string): ScopeList {
  const scopes = [...new Set(text.split(',').map((scope) => scope.trim()))];
  const unknown = scopes.find((scope) => !isScope(scope));
  if (unknown !== undefined) {
    const known = 'publish, publish:<topic>, tokens:<source>, disconnect, presence, history, viewers, console, keys';
    return { ok: false, fault: `There is no scope ${JSON.stringify(unknown.slice(0, 100))}. Scopes are: ${known}.` };
  }
  if (scopes.length > MAX_SCOPES) return { ok: false, fault: `A key has at most ${MAX_SCOPES} scopes.` };
  return { ok: true, scopes };
}

/** Whether these scopes allow publishing to a topic. */
export function mayPublish(scopes: readonly ApiKeyScope[], topic: string): boolean {
  return scopes.includes('publish') || scopes.includes(`${PUBLISH}${topic}`);
}

/** The first of some scopes that others do not include; undefined if they include all. */
export function scopeBeyond(own: readonly ApiKeyScope[], scopes: readonly ApiKeyScope[]): ApiKeyScope | undefined {
  return scopes.find((scope) =>
    scope.startsWith(PUBLISH) ? !mayPublish(own, scope.slice(PUBLISH.length)) : !own.includes(scope),
  );
}

/** Whether these scopes allow publishing to at least one topic. */
export function mayPublishSomething(scopes: readonly ApiKeyScope[]): boolean {
  return scopes.some((scope) => scope === 'publish' || scope.startsWith(PUBLISH));
}

/** The sources for whose viewers these scopes allow tokens. */
export function tokenSources(scopes: readonly ApiKeyScope[]): readonly string[] {
  return scopes.filter((scope) => scope.startsWith(TOKENS)).map((scope) => scope.slice(TOKENS.length));
}

function isScope(scope: string): boolean {
  if (scope.startsWith(PUBLISH)) return TOPIC.test(scope.slice(PUBLISH.length));
  if (scope.startsWith(TOKENS)) return isSource(scope.slice(TOKENS.length));
  return WHOLE_SCOPES.has(scope);
}

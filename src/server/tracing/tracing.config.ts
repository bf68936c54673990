/** Names of OpenTelemetry's samplers, as `OTEL_TRACES_SAMPLER` has them. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Where spans are sent, and which. */
export interface TracingConfig {
  /** The URL that spans are posted to, in OTLP with protobuf. */
  readonly url: string;
  /** Sent with each request, such as an authorization. Secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** How long one request may take, retries included. */
  readonly timeoutMs: number;
  readonly sampler: (typeof SAMPLERS)[number];
  /** The sampled share of traces, 0 to 1, for samplers by ratio. */
  readonly ratio: number;
  readonly serviceName: string;
  /** More attributes of this service, such as `deployment.environment.name`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Injection token of the {@link TracingConfig}; null: no traces. */
export const TRACING_CONFIG = Symbol('TRACING_CONFIG');

/** What a name may consist of: the characters of a token (RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CONTROL = /\p{Cc}/u;
/** What every HTTP server accepts in a header. */
const PRINTABLE = /^[ -~]*$/;

/**
 * Parses pairs as OpenTelemetry writes them in variables: `name=value` joined by commas, values percent-encoded where
 * they contain a comma.
 *
 * @returns null if it has another form
 */
export function parsePairs(text: string): Readonly<Record<string, string>> | null {
  const pairs: [string, string][] = [];
  for (const item of text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)) {
    const at = item.indexOf('=');
    const [name, value] = [item.slice(0, at).trim(), decoded(item.slice(at + 1).trim())];
    if (at <= 0 || !NAME.test(name) || value === null || CONTROL.test(value)) return null;
    pairs.push([name, value]);
  }
  return Object.fromEntries(pairs);
}

/** As {@link parsePairs}, for headers: names and values of other characters are refused. */
export function parseHeaders(text: string): Readonly<Record<string, string>> | null {
  const headers = parsePairs(text);
  return headers && Object.values(headers).every((value) => PRINTABLE.test(value)) ? headers : null;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** The largest document that is read, in bytes; enough for a hundred keys. */
const MAX_DOCUMENT_BYTES = 256 * 1024;
/** `application/json`, `application/jwk-set+json` (RFC 7517 §8.5). */
const JSON_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json\s*(?:;|$)/i;

/** Why an issuer's document could not be fetched. The message is for the log and names only the host. */
export class KeyDocumentError extends Error {}

/**
 * Fetches a JSON document of an issuer. Redirects are not followed, and at most 256 KiB are read after decompression,
 * regardless of `Content-Length`.
 *
 * @param signal aborts it, also while the body is read
 * @throws KeyDocumentError for anything other than a JSON object with status 200
 */
export async function fetchDocument(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json' } }).catch(
    (error: unknown) => {
      throw new KeyDocumentError(signal.aborted ? 'no response in time' : 'no connection', { cause: error });
    },
  );
  try {
    if (response.status !== 200) throw new KeyDocumentError(`the response has status ${response.status}`);
    if (!JSON_TYPE.test(response.headers.get('content-type') ?? ''))
      throw new KeyDocumentError('the response is not JSON');
    return parseObject(await readBody(response, signal));
  } finally {
    // An unread body would keep its connection open.
    await response.body?.cancel().catch(() => {});
  }
}

async function readBody({ body }: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    // Leaving the loop cancels the body.
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_DOCUMENT_BYTES) throw new KeyDocumentError('the response is too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    if (error instanceof KeyDocumentError) throw error;
    throw new KeyDocumentError(signal.aborted ? 'no response in time' : 'the response was cut off', { cause: error });
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw new KeyDocumentError('the response is not a JSON object');
}

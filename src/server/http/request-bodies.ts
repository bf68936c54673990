import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { parse as parseForm } from 'node:querystring';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest, RawServerDefault } from 'fastify';
import { HttpRefusalError } from '../../live/errors/sallyport.errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route checks the keys of its body itself. Default: a body with a key `__proto__` is refused. */
    checksKeys?: boolean;
    /** Whether the route reads forms. Default: they are answered with 415. */
    readsForms?: boolean;
  }
}

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/** Of bodies without `Content-Length`, in bytes. */
const lengths = new WeakMap<FastifyRequest, number>();

/** The length of a body of JSON without `Content-Length`, in bytes; undefined until it has been read. */
export function lengthOfBody(request: FastifyRequest): number | undefined {
  return lengths.get(request);
}

/**
 * Parses bodies of JSON as Fastify does, and refuses those that are not UTF-8 (RFC 8259 §8.1). Otherwise every
 * undecodable byte would become the same replacement character, and different subjects the same viewer. Forms are parsed
 * only for routes that read them: Nest's parser would give their fields to any other route as if they were JSON.
 */
export function parseBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const strict = fastify.getDefaultJsonParser('error', 'error');
  const lenient = fastify.getDefaultJsonParser('ignore', 'ignore');
  // No route reads plain text: it is answered with 415.
  fastify.removeContentTypeParser('text/plain');
  app.useBodyParser<RawServerDefault>('application/json', {}, (request, body, done) => {
    if (request.headers['content-length'] === undefined) lengths.set(request, body.length);
    if (isOtherwiseEncoded(request.headers))
      return done(
        new HttpRefusalError(415, 'The body has another charset or is compressed: send it in UTF-8, uncompressed.'),
      );
    if (!isUtf8(body)) return done(refusal('The body is not UTF-8: send JSON in UTF-8, uncompressed.'));
    const parse = request.routeOptions.config.checksKeys ? lenient : strict;
    return parse(request, body.toString(), (error, value) =>
      done(error && refusal('The body is not JSON, or it has a key that is not allowed, such as __proto__.'), value),
    );
  });
  app.useBodyParser<RawServerDefault>('application/x-www-form-urlencoded', {}, (request, body, done) =>
    request.routeOptions.config.readsForms
      ? done(null, parseForm(body.toString()))
      : done(new HttpRefusalError(415, 'This route does not accept this content type: send application/json.')),
  );
}

/**
 * Refuses what a form on another site could send without a preflight. Called before the body is read.
 *
 * @throws HttpRefusalError for any other type than `application/json` in UTF-8
 */
export function requireJson({ headers }: FastifyRequest): void {
  const { 'content-type': type = '' } = headers;
  if (!JSON_TYPE.test(type) || OTHER_CHARSET.test(type))
    throw new HttpRefusalError(415, 'Send application/json in UTF-8.');
}

const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8\b)/i;

/** Whether the headers name a charset besides UTF-8, a content coding (RFC 9110 §15.5.16), or such a transfer coding. */
function isOtherwiseEncoded({
  'content-type': type = '',
  'content-encoding': coding = '',
  'transfer-encoding': transfer = '',
}: IncomingHttpHeaders): boolean {
  const isCompressed =
    !['', 'identity'].includes(coding.toLowerCase()) || !['', 'chunked'].includes(transfer.toLowerCase());
  return OTHER_CHARSET.test(type) || isCompressed;
}

function refusal(message: string): HttpRefusalError {
  return new HttpRefusalError(400, message);
}

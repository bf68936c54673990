import { isUtf8 } from 'node:buffer';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { RawServerDefault } from 'fastify';
import { HttpRefusalError } from '../../live/errors/sallyport.errors.js';

/**
 * Parses bodies of JSON as Fastify does, and refuses those that are not UTF-8 (RFC 8259 §8.1). Otherwise every
 * undecodable byte would become the same replacement character, and different subjects the same viewer.
 */
export function parseJsonBodies(app: NestFastifyApplication): void {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser('error', 'error');
  app.useBodyParser<RawServerDefault>('application/json', {}, (request, body, done) => {
    if (isUtf8(body)) return parse(request, body.toString(), done);
    return done(new HttpRefusalError(400, 'The body is not UTF-8: send JSON in UTF-8, uncompressed.'));
  });
}

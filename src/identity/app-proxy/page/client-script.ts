import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Injectable, Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

const BUILT = new URL('../../../../client/dist/sallyport-live.js', import.meta.url);

/** The client package built for a `<script>` tag, under a name that changes with its content. */
@Injectable()
export class ClientScript {
  #loaded: { readonly body: Buffer; readonly path: string } | undefined;

  /** The script's text. Throws, with what to do, if it has not been built. */
  get body(): Buffer {
    return this.#load().body;
  }

  /** The path where it is served, such as `/live/sallyport-live.5Rk2…js`. */
  get path(): string {
    return this.#load().path;
  }

  #load() {
    this.#loaded ??= read();
    return this.#loaded;
  }
}

function read() {
  try {
    const body = readFileSync(BUILT);
    const digest = hash('sha256', body, 'base64url').slice(0, 16);
    return { body, path: `/live/sallyport-live.${digest}.js` };
  } catch (error) {
    throw new Error('client/dist/sallyport-live.js is missing: run npm run build.', { cause: error });
  }
}

const FOR_EVER = 'public, max-age=31536000, immutable';

/**
 * Serves the client script to every page: it is the same for all clients and contains no secret, so any origin may read
 * it. Another version's name, as in a rolling update, returns the current script, uncached.
 */
@Controller('live')
export class ClientScriptController {
  constructor(private readonly script: ClientScript) {}

  @Get('sallyport-live.:hash.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Access-Control-Allow-Origin', '*')
  @Header('Cross-Origin-Resource-Policy', 'cross-origin')
  @Header('X-Content-Type-Options', 'nosniff')
  serve(@Param('hash') hash: string, @Res({ passthrough: true }) reply: FastifyReply): Buffer {
    const isCurrent = this.script.path === `/live/sallyport-live.${hash}.js`;
    void reply.header('Cache-Control', isCurrent ? FOR_EVER : 'no-store');
    return this.script.body;
  }
}

import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ClientScript } from './client-script.js';

const FOR_EVER = 'public, max-age=31536000, immutable';

/**
 * Serves the client script to every page: it is the same for everybody and holds no secret, so any origin may read it.
 * An older node's name, as in a rolling update, gives today's script and is not kept.
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

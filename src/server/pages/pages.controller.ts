import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { HTTP_CONFIG } from '../../identity/identity.config.js';
import type { ServerConfig } from '../config/config.js';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { contentSecurityPolicy } from './content-security-policy.js';
import { type PageName, PageFiles } from './page-files.js';

/**
 * The two HTML pages. Never cached, so that a new version is used at once; the files that they load have their hash in
 * the name.
 */
@Controller()
export class PagesController {
  constructor(
    @Inject(HTTP_CONFIG) private readonly http: ServerConfig,
    private readonly files: PageFiles,
  ) {}

  /** The app. */
  @Get('/')
  app(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return this.#show('app', reply);
  }

  /** GraphiQL; 404 if it is disabled. */
  @Get('/graphiql')
  graphiql(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    if (!this.http.graphiql) throw new NotFoundError('GraphiQL is disabled.');
    return this.#show('graphiql', reply);
  }

  async #show(page: PageName, reply: FastifyReply): Promise<string> {
    const html = await this.files.html(page);
    if (html === null) throw new NotFoundError('The pages are not built: run npm run build.');
    void reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('cache-control', 'no-cache')
      .header('content-security-policy', contentSecurityPolicy(page, this.http.publicUrl));
    return html;
  }
}

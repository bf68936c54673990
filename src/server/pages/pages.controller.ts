import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { HTTP_CONFIG } from '../../identity/identity.config.js';
import type { ServerConfig } from '../config/config.js';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { answerWithPage } from './page-answer.js';
import { type PageName, PageFiles } from './page-files.js';

/** The app and GraphiQL. */
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

  #show(page: PageName, reply: FastifyReply): Promise<string> {
    return answerWithPage(page, this.files, this.http.publicUrl, reply);
  }
}

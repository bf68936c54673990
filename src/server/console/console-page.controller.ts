import { Controller, Get, Inject, Injectable, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ApiKeyStore } from '../../identity/api-keys/api-key.store.js';
import { HTTP_CONFIG, type HttpConfig } from '../../identity/identity.config.js';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { answerWithPage } from '../pages/page-answer.js';
import { PageFiles } from '../pages/page-files.js';
import { CONSOLE_SCOPE } from './console-sessions.service.js';

/** How long the result of the database query is cached, in milliseconds, since everybody can request the page. */
const CACHE_MS = 1_000;

/** Whether the console is in use: it is while there is a key with the scope `console`. */
@Injectable()
export class ConsoleSwitch {
  #asked: Promise<boolean> | null = null;
  #askedAtMs = -Infinity;

  constructor(private readonly keys: ApiKeyStore) {}

  /** @throws UnavailableError when the database is unavailable */
  isOn(): Promise<boolean> {
    const nowMs = performance.now();
    if (this.#asked === null || nowMs - this.#askedAtMs > CACHE_MS) {
      this.#askedAtMs = nowMs;
      this.#asked = this.keys.hasScope(CONSOLE_SCOPE);
    }
    return this.#asked;
  }
}

/** The page of the console. */
@Controller()
export class ConsolePageController {
  constructor(
    private readonly files: PageFiles,
    private readonly on: ConsoleSwitch,
    @Inject(HTTP_CONFIG) private readonly http: HttpConfig,
  ) {}

  /** Answers 404, as for a path that does not exist, while no key opens the console. */
  @Get('/console')
  async page(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    if (!(await this.on.isOn())) throw new NotFoundError('There is nothing here.');
    return answerWithPage('console', this.files, this.http.publicUrl, reply);
  }
}

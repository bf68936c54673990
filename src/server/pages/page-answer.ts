import type { FastifyReply } from 'fastify';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { contentSecurityPolicy } from './content-security-policy.js';
import type { PageFiles, PageName } from './page-files.js';

/**
 * Answers a request with a page. It is never cached, so that a new version is used at once; the files that it loads have
 * their hash in the name.
 *
 * @throws NotFoundError if the pages have not been built
 */
export async function answerWithPage(
  page: PageName,
  files: PageFiles,
  publicUrl: string,
  reply: FastifyReply,
): Promise<string> {
  const html = await files.html(page);
  if (html === null) throw new NotFoundError('The pages are not built: run npm run build.');
  void reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-cache')
    .header('content-security-policy', contentSecurityPolicy(page, publicUrl));
  return html;
}

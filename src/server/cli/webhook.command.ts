import { isUuid } from '../../identity/database/schema.js';
import { WebhookMessages } from '../webhooks/webhook-message.store.js';
import { WEBHOOK_ID_PREFIX } from '../webhooks/webhook-request.js';
import type { CliCommand } from './command.js';

const MAX_LISTED = 1_000;

/** `webhook list|retry`: webhooks that were given up after their last attempt. */
export const webhookCommand: CliCommand = (program, context) => {
  const family = program.command('webhook').description('webhooks that could not be delivered');
  family
    .command('list')
    .description(`list webhooks that were given up, oldest first, at most ${MAX_LISTED}`)
    .action(() =>
      context.withStores(async (stores) => {
        const all = await stores.get(WebhookMessages).givenUp(MAX_LISTED);
        const lines = all.map(
          ({ id, type, viewer, createdAt, failure }) =>
            `${id}  ${createdAt.toISOString()}  ${type}  ${viewer}  ${failure}`,
        );
        context.print(all, lines.join('\n') || 'No webhook was given up.');
      }),
    );
  family
    .command('retry')
    .argument('[ids...]')
    .option('--all', 'all of them')
    .description('send them again, as if they were new')
    .action((ids: string[], { all = false }: { all?: boolean }) =>
      context.withStores(async (stores) => {
        if (all === ids.length > 0) throw new Error('Name the ids of webhooks, or give --all.');
        const chosen = all ? 'all' : ids.map(withoutPrefix).filter(isUuid);
        const retried = chosen.length > 0 ? await stores.get(WebhookMessages).retry(chosen) : 0;
        if (!all && retried < ids.length) throw new Error(`Only ${retried} of these were given up: see webhook list.`);
        context.print({ retried }, `Sent again: ${retried}.`);
      }),
    );
};

/** Receivers have the id of the header `webhook-id`, which has a prefix. */
function withoutPrefix(id: string): string {
  return id.startsWith(WEBHOOK_ID_PREFIX) ? id.slice(WEBHOOK_ID_PREFIX.length) : id;
}

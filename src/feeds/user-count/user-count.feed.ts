import type { PayloadVerdict, PublishableFeed } from '../../live/feeds/feed.registry.js';
import { USER_COUNT } from './user-count.topic.js';

const MIN_INT = -2_147_483_648;
const MAX_INT = 2_147_483_647;

/** What others may publish into `user_count`: a GraphQL Int. */
export const USER_COUNT_FEED: PublishableFeed = {
  topic: USER_COUNT,
  check(payload: unknown): PayloadVerdict {
    const isInt = Number.isInteger(payload) && MIN_INT <= (payload as number) && (payload as number) <= MAX_INT;
    return isInt
      ? { ok: true, value: payload }
      : { ok: false, message: 'payload must be an Int: a whole number of 32 bits.' };
  },
};

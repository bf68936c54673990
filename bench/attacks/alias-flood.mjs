// Documents with 245 aliases, without a cookie, each with a different name so that none is cached. All are refused;
// measures the cost.
import { setTimeout as delay } from 'node:timers/promises';
import { post, startProbe } from '../lib/attack-probe.mjs';

const SECONDS = 15;
const REQUESTS_PER_SECOND = 31;
const ALIASES = 245;
/** The limits for other clients' waiting time meanwhile: median and 99th percentile. */
const ALLOWED_MS = { p50: 50, p99: 250 };

const aliases = Array.from({ length: ALIASES }, (_, index) => `a${index}: me`).join(' ');

async function ask(url, name, answers) {
  const response = await post(url, { query: `query ${name} { ${aliases} }` });
  const status = response?.status ?? 0;
  answers[status] = (answers[status] ?? 0) + 1;
}

async function flood(url, answers) {
  const pending = [];
  const startedAt = performance.now();
  for (let sent = 0; sent < SECONDS * REQUESTS_PER_SECOND; sent++) {
    pending.push(ask(url, `Q${sent}`, answers));
    await delay(Math.max(0, startedAt + ((sent + 1) * 1000) / REQUESTS_PER_SECOND - performance.now()));
  }
  await Promise.all(pending);
}

/** @type {import('../attack.mjs').Attack} */
export default {
  name: 'alias-flood',
  rows: ['GQ-1', 'GQ-8'],
  title: `${REQUESTS_PER_SECOND} documents a second of ${ALIASES} aliases, without a cookie, for ${SECONDS} s`,
  async run({ startServer }) {
    const { url } = await startServer({ env: { THROTTLE_EXEMPT: '' } });
    const other = await startProbe(url);
    const quiet = await other.watch(delay(3_000));
    const answers = {};
    const during = await other.watch(flood(url, answers));
    const figures = {
      "others' me before [ms]": quiet,
      "others' me during [ms]": during,
      'the documents were answered': answers,
    };
    const held = during.failed === 0 && during.p50 <= ALLOWED_MS.p50 && during.p99 <= ALLOWED_MS.p99;
    return { held, figures };
  },
};

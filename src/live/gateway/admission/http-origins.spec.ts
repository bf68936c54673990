import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { HttpOrigins } from './http-origins.js';
import { OriginPolicy } from './origin.policy.js';

class OneOrigin extends OriginPolicy {
  override async allows({ origin }: URL): Promise<boolean> {
    return origin === 'https://good.example';
  }
}

function watched(): { origins: HttpOrigins; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { origins: new HttpOrigins(new OneOrigin(), logger), lines };
}

describe('the origins that may call over HTTP', () => {
  it('an origin is logged once when it is refused, with the setting to change', async () => {
    const { origins, lines } = watched();
    for (const origin of ['https://other.example', 'https://other.example', 'null', 'https://good.example'])
      expect(await origins.allow(origin)).toBe(origin === 'https://good.example');
    expect(lines).toMatchObject([
      { event: 'origin-refused', origin: 'https://other.example', msg: expect.stringContaining('ALLOWED_ORIGINS') },
      { event: 'origin-refused', origin: 'null' },
    ]);
  });

  it('a refused request without an origin is logged with null, once per reason', async () => {
    const { origins, lines } = watched();
    await origins.allow('null');
    for (const reason of ['other-site', 'no-origin', 'other-site', 'no-origin'] as const) origins.refused(reason);
    expect(lines.slice(1)).toMatchObject([
      { event: 'origin-refused', origin: null, reason: 'other-site', msg: expect.stringContaining('ALLOWED_ORIGINS') },
      { event: 'origin-refused', origin: null, reason: 'no-origin', msg: expect.stringContaining('Origin') },
    ]);
    expect(lines).toHaveLength(3);
  });

  it('an origin is cut to 200 characters in the log', async () => {
    const { origins, lines } = watched();
    await origins.allow(`https://${'a'.repeat(5_000)}.example`);
    await origins.allow(`https://${'a'.repeat(6_000)}.example`);
    expect(lines.map(({ origin }) => (origin as string).length)).toEqual([200]);
  });

  it('origins are logged at most a thousand times, and then once that there are more', async () => {
    const { origins, lines } = watched();
    for (let number = 0; number < 1_500; number++) await origins.allow(`https://${number}.example`);
    origins.refused('other-site');
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).not.toHaveProperty('origin');
  });
});

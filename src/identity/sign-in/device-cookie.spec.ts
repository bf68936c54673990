import { afterEach, describe, expect, it, vi } from 'vitest';
import type { HttpConfig } from '../identity.config.js';
import { Keyring } from '../../live/tokens/keyring.js';
import { DeviceCookie } from './device-cookie.js';

const KEY = 'k3y-0f-th1rty-tw0-bytes-for-this-test-0nly';
const NEW_KEY = 'an0ther-k3y-0f-th1rty-tw0-bytes-f0r-r0tation';
const ADA = 'ada@example.test';
const BOB = 'bob@example.test';

function cookieOf(keys: readonly string[] = [KEY], secure = true): DeviceCookie {
  return new DeviceCookie(new Keyring({ keys }), { secure } as HttpConfig);
}

/** What a browser sends back of a `Set-Cookie` value. */
const sent = (setCookie: string): string => `other=1; ${setCookie.split(';')[0] ?? ''}`;

afterEach(() => void vi.useRealTimers());

describe('the device cookie', () => {
  const cookie = cookieOf();

  it('proves a sign-in to this account and to no other', () => {
    const header = sent(cookie.issue(undefined, ADA));
    expect(cookie.recognise(header, ADA)).toMatch(/^[\w-]{16}$/);
    expect(cookie.recognise(header, BOB)).toBeNull();
    expect(cookie.recognise(undefined, ADA)).toBeNull();
  });

  it('is __Host-, Secure, HttpOnly and Lax on https, and expires after 180 days', () => {
    const attributes = 'Path=/; HttpOnly; SameSite=Lax';
    expect(cookie.issue(undefined, ADA)).toMatch(
      new RegExp(`^__Host-sallyport_device=[\\w.-]+; ${attributes}; Secure; Max-Age=15552000$`),
    );
    expect(cookieOf([KEY], false).issue(undefined, ADA)).toMatch(
      new RegExp(`^sallyport_device=[\\w.-]+; ${attributes}; Max-Age=15552000$`),
    );
  });

  it('keeps up to eight accounts of one device, the latest first', () => {
    let header: string | undefined;
    for (let n = 0; n < 9; n += 1) header = sent(cookie.issue(header, `person-${n}@example.test`));
    const known = Array.from({ length: 9 }, (_, n) => cookie.recognise(header, `person-${n}@example.test`) !== null);
    expect(known).toEqual([false, ...Array.from({ length: 8 }, () => true)]);
    expect(header!.length).toBeLessThan(512);
  });

  it('gets a new id at each sign-in, replacing the one before', () => {
    const first = sent(cookie.issue(undefined, ADA));
    const second = sent(cookie.issue(sent(cookie.issue(first, BOB)), ADA));
    expect(cookie.recognise(second, ADA)).not.toBe(cookie.recognise(first, ADA));
    expect(cookie.recognise(second, BOB)).not.toBeNull();
    expect(second.split('~')).toHaveLength(2);
  });

  it('drops a deleted account, and is cleared with the last one', () => {
    const both = sent(cookie.issue(sent(cookie.issue(undefined, BOB)), ADA));
    const left = sent(cookie.forget(both, ADA));
    expect(cookie.recognise(left, ADA)).toBeNull();
    expect(cookie.recognise(left, BOB)).not.toBeNull();
    expect(cookie.forget(left, BOB)).toBe(
      '__Host-sallyport_device=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    );
  });

  it('proves nothing after 180 days', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const header = sent(cookie.issue(undefined, ADA));
    vi.setSystemTime(Date.now() + 180 * 86_400_000 - 1_000);
    expect(cookie.recognise(header, ADA)).not.toBeNull();
    vi.setSystemTime(Date.now() + 1_001);
    expect(cookie.recognise(header, ADA)).toBeNull();
    expect(cookie.issue(header, BOB)).not.toContain('~');
  });

  it('is valid after a key rotation while the old key verifies', () => {
    const header = sent(cookie.issue(undefined, ADA));
    expect(cookieOf([NEW_KEY, KEY]).recognise(header, ADA)).not.toBeNull();
    expect(cookieOf([NEW_KEY]).recognise(header, ADA)).toBeNull();
  });

  it('reveals neither the account nor that two devices share one', () => {
    const [one, other] = [cookie.issue(undefined, ADA), cookie.issue(undefined, ADA)];
    expect(decodeURIComponent(one)).not.toContain('ada');
    const parts = (text: string) => sent(text).split('=').at(-1)!.split('.');
    expect(parts(one)[0]).not.toBe(parts(other)[0]);
    expect(parts(one)[2]).not.toBe(parts(other)[2]);
  });

  it.each([
    ['nothing', ''],
    ['no entry', 'x'],
    ['a forged entry', `${'a'.repeat(16)}.szvm2a.${'b'.repeat(22)}`],
    ['a thousand entries', `${'a'.repeat(16)}.szvm2a.${'b'.repeat(22)}~`.repeat(300)],
    ['20 kB', 'x'.repeat(20_000)],
  ])('of %s is ignored', (_, value) => {
    const header = `__Host-sallyport_device=${value}`;
    expect(cookie.recognise(header, ADA)).toBeNull();
    expect(cookie.recognise(sent(cookie.issue(header, ADA)), ADA)).not.toBeNull();
    expect(cookie.issue(header, ADA).length).toBeLessThan(512);
  });

  it('is refused if one character is changed', () => {
    const header = sent(cookie.issue(undefined, ADA));
    const start = header.indexOf('_device=') + 8;
    for (let at = start; at < header.length; at += 1) {
      const other = header[at] === 'A' ? 'w' : 'A';
      const forged = header.slice(0, at) + other + header.slice(at + 1);
      // The last character of base64url holds spare bits: another spelling of the same bytes is no forgery.
      if (at < header.length - 1) expect(cookie.recognise(forged, ADA)).toBeNull();
    }
  });
});

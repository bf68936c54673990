import { describe, expect, it } from 'vitest';
import { NotificationsFeed } from './notifications.feed.js';

const least = { kind: 'order.shipped', title: 'On its way' };

describe('a notification', () => {
  it('gets an id and a time if they are missing', () => {
    const verdict = NotificationsFeed.check(least);
    expect(verdict).toMatchObject({ ok: true, value: { ...least, id: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
    expect(verdict.ok && Date.parse((verdict.value as { createdAt: string }).createdAt)).toBeCloseTo(Date.now(), -4);
  });

  it('keeps the values of the publisher', () => {
    const whole = { ...least, id: '7', body: null, data: { a: [1, null] }, createdAt: '2026-01-02T03:04:05.678Z' };
    expect(NotificationsFeed.check(whole)).toEqual({ ok: true, value: whole });
  });

  it.each([
    '2024-02-29T23:59:59+01:00',
    '2026-12-31T23:00:00-05:00',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
  ])('may have the time %s', (createdAt) =>
    expect(NotificationsFeed.check({ ...least, createdAt })).toMatchObject({ ok: true }),
  );

  it.each([
    ['is no object', 7, 'payload must be a JSON object.'],
    ['is a list', [least], 'payload must be a JSON object.'],
    ['is null', null, 'payload must be a JSON object.'],
    ['has no title', { kind: 'x' }, /^payload: title must/],
    ['has an empty kind', { ...least, kind: '' }, /^payload: kind must/],
    ['has a title that is too long', { ...least, title: 'x'.repeat(501) }, /^payload: title must/],
    ['has a number for an id', { ...least, id: 7 }, /^payload: id must/],
    ['has null for an id', { ...least, id: null }, /^payload: id must/],
    ['has a body that is no text', { ...least, body: {} }, /^payload: body must/],
    ['has a time without a zone', { ...least, createdAt: '2026-01-02T03:04:05' }, /^payload: createdAt must/],
    ['has a time that does not exist', { ...least, createdAt: '2026-02-30T25:61:00Z' }, /^payload: createdAt/],
    ['has a day that its month does not have', { ...least, createdAt: '2026-02-30T12:00:00Z' }, /^payload: createdAt/],
    ['has an hour 24', { ...least, createdAt: '2026-01-31T24:00:00Z' }, /^payload: createdAt/],
    ['is after the year 9999 in UTC', { ...least, createdAt: '9999-12-31T23:59:59-01:00' }, /^payload: createdAt/],
    ['has a leap second', { ...least, createdAt: '2026-12-31T23:59:60Z' }, /^payload: createdAt/],
    ['has an unknown field', { ...least, colour: 'red' }, /^payload has an unknown field/],
    ['reaches for the prototype', JSON.parse('{"kind":"x","title":"y","__proto__":{"id":"z"}}'), /unknown field/],
    ['reaches for the constructor', { ...least, constructor: 1 }, /unknown field/],
  ])('is refused when it %s', (_, payload, message) => {
    expect(NotificationsFeed.check(payload)).toEqual({
      ok: false,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });
});

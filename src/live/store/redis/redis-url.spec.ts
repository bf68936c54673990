import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './redis-url.js';

const places = (text: string) => parseRedisUrl(text)?.places.map(({ host, port }) => `${host} ${port}`);

describe('parseRedisUrl', () => {
  it.each([
    ['redis://127.0.0.1:6380', ['127.0.0.1 6380']],
    ['redis://cache', ['cache 6379']],
    ['rediss://[::1]:7000', ['::1 7000']],
    ['redis://a:1,b:2, c', ['a 1', 'b 2', 'c 6379']],
    ['redis://u:p@a:1,b:2/3', ['a 1', 'b 2']],
    ['redis://u:p@a:1,redis://u:p@b:2', ['a 1', 'b 2']],
    ['redis+sentinel://a,b:1/main', ['a 26379', 'b 1']],
  ])('finds the hosts of %s', (text, expected) => {
    expect(places(text)).toEqual(expected);
  });

  it('separates user, password and database from the hosts, decoded', () => {
    expect(parseRedisUrl('rediss://me:p%40ss%2Cword@a:1,b:2/3')).toMatchObject({
      username: 'me',
      password: 'p@ss,word',
      database: 3,
      tls: true,
      sentinelMaster: null,
    });
    expect(parseRedisUrl('redis://:one,two@host:1')).toMatchObject({
      username: null,
      password: 'one,two',
      places: [{ host: 'host', port: 1 }],
    });
  });

  it('returns the name of the master and the credentials of the Sentinels', () => {
    const text = 'redis+sentinel://me:secret@a:1,b:2/my-master/4?sentinelUsername=s&sentinelPassword=t';
    expect(parseRedisUrl(text)).toMatchObject({
      sentinelMaster: 'my-master',
      database: 4,
      username: 'me',
      password: 'secret',
      sentinelUsername: 's',
      sentinelPassword: 't',
    });
  });

  it.each([
    '',
    'redis://',
    'http://host',
    'redis+sentinel://a:1',
    'redis+sentinel://a:1/',
    'redis://a:1/x',
    'redis://a:1/0/1',
    'redis://a:99999',
    'redis://a:1,,b:2',
    'redis://a b',
  ])('refuses %j', (text) => {
    expect(parseRedisUrl(text)).toBeNull();
  });
});

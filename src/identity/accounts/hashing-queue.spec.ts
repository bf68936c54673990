import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { HashingQueue } from './hashing-queue.js';

const MAX_WAITING = 8;

/** A queue with one slot, taken until `open` is called, and the names of the work in the order in which it ran. */
function occupied() {
  const queue = new HashingQueue(1, MAX_WAITING);
  const ran: string[] = [];
  let open = (): void => {};
  const blocked = new Promise<void>((resolve) => (open = resolve));
  const holding = queue.run({ known: false, network: 'holder' }, () => blocked);
  const add = (name: string, network: string | null): Promise<string> =>
    queue
      .run({ known: network === null, network: network ?? name }, async () => ran.push(name))
      .then(
        () => 'served',
        (error: unknown) => (error instanceof UnavailableError ? 'refused' : 'failed'),
      );
  return { queue, ran, add, open: () => (open(), holding) };
}

describe('the hashing queue', () => {
  it('BF-2 a flood from one network only costs that network its places', async () => {
    const { add, open } = occupied();
    const flood = Array.from({ length: 100 }, (_, n) => add(`flood ${n}`, 'attacker'));
    const honest = ['ada', 'bob', 'eve'].map((name) => add(name, `network of ${name}`));
    await open();
    expect(await Promise.all(honest)).toEqual(['served', 'served', 'served']);
    const outcomes = await Promise.all(flood);
    expect(outcomes.filter((outcome) => outcome === 'served')).toHaveLength(MAX_WAITING - 3);
  });

  it('serves networks in turn', async () => {
    const { ran, add, open } = occupied();
    const all = [add('a1', 'a'), add('a2', 'a'), add('a3', 'a'), add('b1', 'b'), add('c1', 'c')];
    await open();
    await Promise.all(all);
    expect(ran).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
  });

  it('BF-4 keeps a place and every second turn for known devices, however many unknown ones wait', async () => {
    const { ran, add, open } = occupied();
    const strangers = Array.from({ length: 100 }, (_, n) => add(`stranger ${n}`, `network ${n}`));
    const known = ['ada', 'bob', 'eve'].map((name) => add(name, null));
    await open();
    expect(await Promise.all(known)).toEqual(['served', 'served', 'served']);
    expect((await Promise.all(strangers)).filter((outcome) => outcome === 'served')).toHaveLength(MAX_WAITING);
    expect(ran.slice(0, 5)).toEqual(['ada', 'stranger 0', 'bob', 'stranger 1', 'eve']);
  });

  it('BF-4 reserves one slot for known devices', async () => {
    const queue = new HashingQueue(3, MAX_WAITING);
    let open = (): void => {};
    const blocked = new Promise<void>((resolve) => (open = resolve));
    const strangers = Array.from({ length: 5 }, (_, n) => queue.run({ known: false, network: `${n}` }, () => blocked));
    expect(await queue.run({ known: true, network: 'x' }, async () => 'served')).toBe('served');
    open();
    await Promise.all(strangers);
  });

  it('BF-4 a flood of known devices from one network only costs that network its places', async () => {
    const queue = new HashingQueue(1, MAX_WAITING);
    let open = (): void => {};
    const blocked = new Promise<void>((resolve) => (open = resolve));
    const ran: string[] = [];
    const add = (name: string, network: string) => queue.run({ known: true, network }, async () => ran.push(name));
    const holding = queue.run({ known: true, network: 'holder' }, () => blocked);
    const flood = Array.from({ length: 100 }, (_, n) => add(`flood ${n}`, 'attacker'));
    const outcomes = Promise.allSettled(flood);
    const honest = ['ada', 'bob'].map((name) => add(name, `network of ${name}`));
    const served = Promise.allSettled(honest);
    open();
    await holding;
    expect((await served).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(ran.slice(0, 3)).toEqual(['flood 0', 'ada', 'bob']);
    expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toHaveLength(MAX_WAITING - 2);
  });

  it('serves unknown devices while known ones wait', async () => {
    const { ran, add, open } = occupied();
    const known = Array.from({ length: 100 }, (_, n) => add(`known ${n}`, null));
    const stranger = add('stranger', 'network');
    await open();
    expect(await stranger).toBe('served');
    expect(ran.indexOf('stranger')).toBe(1);
    expect((await Promise.all(known)).filter((outcome) => outcome === 'served')).toHaveLength(MAX_WAITING);
  });

  it('continues after failed work, with the same number of slots', async () => {
    const { queue, add, open } = occupied();
    await open();
    await expect(queue.run({ known: true, network: 'x' }, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await add('next', 'x')).toBe('served');
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventpollTfdEntry } from '../../../../core/images/generated/events.js';
import { withOwnNumbers } from '../../../../core/resources/files/epoll.js';
import type { Description } from '../../../../core/resources/files/kind.js';

const item = (tfd: number, data: bigint): EventpollTfdEntry => ({ id: 1, tfd, events: 1, data });
const description = (id: number): Description => ({ id, what: `file ${id}`, flags: 0, fown: null, open: () => null });

test('an epoll set that names one target twice gets its copies', () => {
  const [pipe, other] = [description(7), description(8)];
  const table = new Map([
    [3, pipe],
    [4, other],
    [5, pipe],
    [6, pipe],
  ]);
  const numbers = (...tfds: number[]): number[] =>
    withOwnNumbers(
      tfds.map((tfd, i) => item(tfd, BigInt(i))),
      table,
    ).map(({ tfd }) => tfd);
  assert.deepEqual(numbers(3, 4), [3, 4]);
  assert.deepEqual(numbers(3, 3), [3, 5]);
  assert.deepEqual(numbers(3, 3, 3), [3, 5, 6]);
  // A copy that another item names is taken.
  assert.deepEqual(numbers(3, 3, 5), [3, 6, 5]);
  // No copy is left: the number stays, and the kernel says what is wrong with it.
  assert.deepEqual(numbers(4, 4), [4, 4]);
  assert.deepEqual(numbers(99, 99), [99, 99]);
});

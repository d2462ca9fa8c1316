import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderPlugins, type Ordered } from '../../../core/plugins/order.js';

const names = (plugins: readonly Ordered[]) => orderPlugins(plugins).map(({ name }) => name);

/** Every order in which they can be found. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]));
}

test('names decide where nothing was said, in whatever order they were found', () => {
  for (const found of permutations([{ name: 'c' }, { name: 'a' }, { name: 'b' }])) assert.deepEqual(names(found), ['a', 'b', 'c']);
});

test('what plugins say about each other comes first', () => {
  const plugins = [{ name: 'a', after: ['c'] }, { name: 'b' }, { name: 'c' }, { name: 'd', before: ['b'] }];
  for (const found of permutations(plugins)) assert.deepEqual(names(found), ['c', 'a', 'd', 'b']);
});

test('relations to plugins that are not there mean nothing', () => {
  assert.deepEqual(
    names([
      { name: 'a', after: ['nobody'] },
      { name: 'b', before: ['nobody'] },
    ]),
    ['a', 'b'],
  );
});

test('a circle is an error that prints it', () => {
  const circle = [{ name: 'a', after: ['b'] }, { name: 'b', after: ['c'] }, { name: 'c', after: ['a'] }, { name: 'd' }];
  for (const found of permutations(circle)) assert.throws(() => orderPlugins(found), /circle: a after b after c after a/);
});

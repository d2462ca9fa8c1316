import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkEachThread, checkProcess } from '../../../../core/resources/extra-checks.js';
import { ExtraState } from '../../../../core/resources/extra-state.js';
import type { RestoreRun, RestoreTask } from '../../../../core/restore/model.js';

const TASK = { pid: 70, threads: [{ tid: 70 }, { tid: 71 }, { tid: 72 }] } as unknown as RestoreTask;
const isEven = (value: string) => /^[02468]$/.test(value);

function runWith(...values: readonly (readonly [tid: number, value: string])[]): RestoreRun {
  const extra = new ExtraState();
  for (const [tid, value] of values) extra.set(tid, 'evenness', value);
  return { extra } as unknown as RestoreRun;
}

test('each thread is asked; the leader stands for the process', () => {
  const plan = checkEachThread('evenness', 'even number', isEven);
  assert.deepEqual(plan(TASK, runWith()), []);
  assert.deepEqual(plan(TASK, runWith([70, '2'], [72, '4'])), []);
  assert.deepEqual(plan(TASK, runWith([70, '1'], [71, '2'], [72, 'x'])), [
    'has the impossible even number "1"',
    'thread 72 has the impossible even number "x"',
  ]);
});

test('what belongs to the process is looked for at its leader only', () => {
  const plan = checkProcess('evenness', 'even number', isEven);
  assert.deepEqual(plan(TASK, runWith([70, '2'], [71, '1'])), []);
  assert.deepEqual(plan(TASK, runWith([70, '1'])), ['has the impossible even number "1"']);
});

test('of a long value the beginning is shown', () => {
  assert.deepEqual(checkProcess('evenness', 'even number', isEven)(TASK, runWith([70, '7'.repeat(99)])), [
    `has the impossible even number "${'7'.repeat(40)}"`,
  ]);
});

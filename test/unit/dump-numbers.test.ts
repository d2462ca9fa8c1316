/** Which sessions and groups of a tree are somebody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignNumbers, keptNumbers, problems, withoutNewborns } from '../../core/dump/numbers.js';

const ids = (pid: number, sid: number, pgrp: number, state = 'S') => ({ pid, sid, pgrp, comm: `p${pid}`, state });

function linesOf(tree: ReturnType<typeof ids>[], others: ReturnType<typeof ids>[]): string[] {
  return problems(tree, foreignNumbers(tree), others).map(({ pid, what }) => `${pid} ${what.split(':')[0]}`);
}

test('numbers of the tree itself, and numbers of leaders that are gone', () => {
  assert.deepEqual(linesOf([ids(10, 10, 10), ids(11, 10, 11), ids(12, 7, 8)], [ids(1, 1, 1), ids(2, 0, 0)]), []);
});

test('a leader that lives outside, and a member that keeps the number of one that is gone', () => {
  assert.deepEqual(linesOf([ids(10, 10, 10), ids(12, 7, 8)], [ids(7, 7, 7)]), [
    '12 is in session 7, which process 7 (p7) leads outside of the tree',
  ]);
  assert.deepEqual(linesOf([ids(10, 10, 10), ids(12, 7, 8)], [ids(9, 7, 9)]), [
    '12 is in session 7, which process 9 (p9) is in outside of the tree',
  ]);
  assert.deepEqual(linesOf([ids(10, 10, 10), ids(12, 10, 8)], [ids(9, 7, 8)]), [
    '12 is in process group 8, which process 9 (p9) is in outside of the tree',
  ]);
});

test('a zombie outside of the tree may be gone in a moment', () => {
  assert.deepEqual(linesOf([ids(10, 10, 10), ids(12, 7, 7)], [ids(7, 7, 7, 'Z')]), []);
});

test('a job of a shell: its session and group are those of the shell that restores it', () => {
  assert.deepEqual(linesOf([ids(10, 7, 9), ids(11, 7, 9)], [ids(7, 7, 7), ids(9, 7, 9)]), []);
  assert.deepEqual(linesOf([ids(10, 7, 9), ids(11, 7, 8)], [ids(7, 7, 7), ids(8, 7, 8)]), [
    '11 is in process group 8, which process 8 (p8) leads outside of the tree',
  ]);
});

test('a leader outside of the pid namespace', () => {
  assert.deepEqual(linesOf([ids(10, 10, 10), ids(12, 0, 0)], []), ['12 is in a session whose leader is outside of this pid namespace']);
  assert.deepEqual(linesOf([ids(10, 0, 0), ids(12, 0, 0)], []), []);
});

test('numbers of the tree that somebody outside keeps: of its leaders, and of all others that lead a group elsewhere', () => {
  const tree = [ids(10, 10, 10), ids(11, 10, 11)];
  const kept = (others: ReturnType<typeof ids>[]) => keptNumbers(tree, others).map(({ pid, what }) => `${pid} ${what.split(',')[0]}`);
  assert.deepEqual(kept([ids(1, 1, 1), ids(20, 20, 20), ids(2, 0, 0)]), []);
  assert.deepEqual(kept([ids(20, 10, 20), ids(21, 10, 10)]), ['10 is the session of process 20 (p20)']);
  assert.deepEqual(kept([ids(20, 10, 11)]), ['10 is the session of process 20 (p20)', '11 is the process group of process 20 (p20)']);
  assert.deepEqual(kept([ids(20, 7, 11)]), ['11 is the process group of process 20 (p20)']);
  assert.deepEqual(kept([ids(20, 10, 10, 'Z')]), []);
});

test('what the tree forks while it is looked at is no stranger', () => {
  const parents = new Map([
    [30, 20],
    [20, 11],
    [40, 1],
  ]);
  const left = (ppid: number) => withoutNewborns([{ ppid }], new Set([10, 11]), (pid) => parents.get(pid)).length;
  assert.deepEqual([11, 20, 30, 40, 1, 0, 50].map(left), [0, 0, 0, 1, 1, 1, 1]);
});

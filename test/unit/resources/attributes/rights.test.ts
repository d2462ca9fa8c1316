/** What the rights of criu-ts allow a restored task to have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnState } from '../../../../core/kernel/own-state.js';
import { loginUidProblem } from '../../../../core/resources/loginuid.js';
import { lockProblems } from '../../../../core/resources/memory/locked.js';
import { lossOf } from '../../../../core/resources/oom-score.js';
import { niceProblem } from '../../../../core/resources/sched.js';

const CAPABILITY = { IPC_LOCK: 14n, SYS_RESOURCE: 24n, SYS_NICE: 23n, AUDIT_CONTROL: 30n };

function own(has: readonly (keyof typeof CAPABILITY)[], more: Partial<OwnState> = {}): OwnState {
  const effective = has.reduce((set, name) => set | (1n << CAPABILITY[name]), 0n);
  const limits = Array.from({ length: 16 }, () => ({ soft: 0n, hard: 8192n }));
  return {
    status: { uids: [0, 0, 0, 0], caps: { effective } },
    limits,
    policy: 0,
    nice: 0,
    oomScoreAdj: 0,
    loginUid: 7,
    ...more,
  } as OwnState;
}

const root = { uid: 0, euid: 0 };
const other = { uid: 1000, euid: 1000 };

test('scheduling: what a thread has anyway needs no right', () => {
  assert.equal(niceProblem({}, other, own([])), null);
  assert.equal(niceProblem({ sched_nice: 5 }, other, own([], { nice: 5 })), null);
});

test('scheduling: other values need CAP_SYS_NICE, but for lower ones of our own user', () => {
  for (const [wanted, ids] of [
    [{ sched_nice: -1 }, root],
    [{ sched_nice: 1 }, other],
    [{ sched_policy: 1, sched_prio: 1 }, root],
    [{ sched_policy: 3 }, other],
  ] as const) {
    assert.match(niceProblem(wanted, ids, own([])) ?? '', /no CAP_SYS_NICE/, JSON.stringify(wanted));
    assert.equal(niceProblem(wanted, ids, own(['SYS_NICE'])), null);
  }
  assert.equal(niceProblem({ sched_nice: 1 }, root, own([])), null);
  assert.equal(niceProblem({ sched_policy: 5 }, { uid: 1000, euid: 0 }, own([])), null);
  assert.match(niceProblem({ sched_nice: 0 }, root, own([], { nice: 10 })) ?? '', /criu-ts has 0 and 10 and no CAP_SYS_NICE/);
});

test('locked memory above the limit needs CAP_IPC_LOCK', () => {
  assert.deepEqual(lockProblems(8192n, own([])), []);
  assert.match(lockProblems(8193n, own([]))[0] ?? '', /8193 bytes of locked memory, and criu-ts may lock 8192 and has no CAP_IPC_LOCK/);
  assert.deepEqual(lockProblems(8193n, own(['IPC_LOCK'])), []);
});

test('an audit login uid can be set by who has none, or has the right', () => {
  assert.match(loginUidProblem(8, own([]))[0] ?? '', /has the audit login uid 8, criu-ts has 7 and no CAP_AUDIT_CONTROL/);
  assert.match(loginUidProblem(0xffff_ffff, own([]))[0] ?? '', /has no audit login uid, criu-ts has 7/);
  for (const fine of [own(['AUDIT_CONTROL']), own([], { loginUid: 8 }), own([], { loginUid: 0xffff_ffff }), own([], { loginUid: null })])
    assert.deepEqual(loginUidProblem(8, fine), []);
  assert.deepEqual(loginUidProblem(undefined, own([])), []);
});

test('an oom_score_adj below ours needs CAP_SYS_RESOURCE', () => {
  assert.match(lossOf(-1, own([])) ?? '', /had oom_score_adj -1; without CAP_SYS_RESOURCE it may keep that of criu-ts, 0/);
  for (const value of [0, 1000, null]) assert.equal(lossOf(value, own([])), null);
  assert.equal(lossOf(-1000, own(['SYS_RESOURCE'])), null);
});

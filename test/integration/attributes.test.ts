/**
 * The restoring half of every attribute against the kernel, without a tree: the ops run on an OS thread of our own, in the order of the restore, and
 * the dumping half must then read what was asked for. Needs root; this process loses its privileges on the way, so there is one test.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreEntry, CredsEntry, TaskCoreEntry, ThreadCoreEntry } from '../../core/images/generated/core.js';
import { silentLog } from '../../core/log.js';
import { KernelThread } from '../../core/kernel/kernel-thread.js';
import { readLimits } from '../../core/kernel/procfs/limits.js';
import { readStatus } from '../../core/kernel/procfs/status.js';
import { readOomScoreAdj, readPersonality } from '../../core/kernel/procfs/task-values.js';
import type { DumpRun, DumpTask, DumpThread } from '../../core/dump/model.js';
import type { Program } from '../../core/program/program.js';
import { readOwnState } from '../../core/kernel/own-state.js';
import type { RestoreRun, RestoreTask, RestoreThread } from '../../core/restore/model.js';
import { coredumpFilter } from '../../core/resources/coredump-filter.js';
import { credsEntry } from '../../core/resources/creds-entry.js';
import { ExtraState } from '../../core/resources/extra-state.js';
import { TASK_RESOURCES } from '../../core/resources/registry.js';
import { RESTORE_STEPS, type Finish } from '../../core/resources/resource.js';

const X86_64 = 1;
const SIGUSR1 = 10;
const SECBIT_NO_SETUID_FIXUP = 4;
/** Not write-execute: V8 makes code writable and executable in turn, so Node itself would die of it. */
const NAMES = new Set([
  'comm',
  'creds',
  'sched',
  'personality',
  'thp',
  'membarrier',
  'oom-score',
  'loginuid',
  'robust-list',
  'clear-child-tid',
  'pdeath-signal',
  'child-subreaper',
  'dumpable',
  'rlimits',
  'timer-slack',
  'io-priority',
  'cpu-affinity',
  'coredump-filter',
]);
const resources = TASK_RESOURCES.filter((resource) => NAMES.has(resource.name));

const creds: CredsEntry = {
  uid: 1001,
  euid: 1002,
  suid: 1003,
  fsuid: 1004,
  gid: 2001,
  egid: 2002,
  sgid: 2003,
  fsgid: 2004,
  groups: [3001, 3003],
  cap_inh: [1 << 10, 0],
  cap_prm: [(1 << 10) | 1, 1 << 8],
  cap_eff: [1, 1 << 8],
  cap_bnd: [(1 << 10) | 1, 1 << 8],
  cap_amb: [1 << 10, 0],
  secbits: SECBIT_NO_SETUID_FIXUP,
  no_new_privs: 1,
};

function wanted(thread: KernelThread): CoreEntry {
  const limits = readLimits(thread.proc, process.pid)!.map(({ soft, hard }) => ({ cur: soft, max: hard }));
  limits[4] = { cur: 0n, max: 4096n };
  limits[7] = { cur: 111n, max: 222n };
  limits[11] = { cur: 7n, max: 9n };
  const tc: TaskCoreEntry = {
    task_state: 1,
    exit_code: 0,
    personality: 0x0004_0000,
    flags: 0,
    blk_sigset: 0n,
    comm: 'restored name',
    sigactions: [],
    rlimits: { rlimits: limits },
    oom_score_adj: 321,
    child_subreaper: true,
    membarrier_registration_mask: (1 << 4) | (1 << 8),
  };
  const thread_core: ThreadCoreEntry = {
    futex_rla: 0x7000_0000n,
    futex_rla_len: 24,
    creds,
    sched_policy: 0x4000_0003,
    sched_nice: 3,
    pdeath_sig: SIGUSR1,
    comm: 'restored\udcff',
  };
  const empty = {} as NonNullable<CoreEntry['thread_info']>;
  return { mtype: X86_64, tc, thread_core, thread_info: { ...empty, clear_tid_addr: 0x7100_0000n } };
}

/** What CRIU's images have no field for. */
function wantedExtra(thread: KernelThread): ExtraState {
  const extra = new ExtraState();
  extra.set(thread.tid, 'timer-slack', '70000');
  extra.set(thread.tid, 'io-priority', String((2 << 13) | 6));
  extra.set(thread.tid, 'cpu-affinity', '1');
  extra.set(process.pid, 'coredump-filter', '0x31');
  return extra;
}

/** All steps in the order of the restore; what the engine does from outside comes last. */
function restoreAll(thread: KernelThread, core: CoreEntry, extra: ExtraState): void {
  const task = {
    kind: 'live',
    pid: process.pid,
    parent: null,
    core,
    mm: { dumpable: 0, thp_disabled: true },
    threads: [] as RestoreThread[],
  };
  const restoreTask = task as unknown as RestoreTask;
  const one: RestoreThread = { task: restoreTask, tid: thread.tid, core, isLeader: true };
  task.threads.push(one);
  const run = {
    tasks: [restoreTask],
    own: readOwnState(thread.proc),
    log: silentLog(),
    thread,
    extra,
    options: { detached: false, sibling: false },
  } as unknown as RestoreRun;
  assert.deepEqual(
    resources.flatMap((resource) => resource.plan?.(restoreTask, run) ?? []),
    [],
  );
  const emit = (p: Program) => {
    for (const resource of resources) resource.release?.(p, one, run);
    for (const step of RESTORE_STEPS) {
      for (const resource of resources) {
        const { process: ofProcess, thread: ofThread } = resource;
        ofProcess?.[step as keyof typeof ofProcess]?.(p, restoreTask, run);
        ofThread?.[step as keyof typeof ofThread]?.(p, one, run);
      }
    }
  };
  thread.once('restore', 65536, emit).free();
}

/** What the dumping halves read of the same thread. `before` runs on the thread first: it has what the test took from us to look at it. */
function dumpAll(thread: KernelThread): { core: CoreEntry; mm: DumpTask['mm']; extra: ExtraState } {
  const info = {} as NonNullable<CoreEntry['thread_info']>;
  const tc: TaskCoreEntry = { task_state: 1, exit_code: 0, personality: 0, flags: 0, blk_sigset: 0n, comm: '', sigactions: [] };
  const core: CoreEntry = { mtype: X86_64, tc, thread_core: { futex_rla: 0n, futex_rla_len: 0 }, thread_info: info };
  const status = readStatus(thread.proc, process.pid, thread.tid)!;
  core.thread_core!.creds = credsEntry(status);
  tc.personality = readPersonality(thread.proc, process.pid, thread.tid) ?? -1;
  tc.oom_score_adj = readOomScoreAdj(thread.proc, process.pid) ?? -1;
  tc.rlimits = { rlimits: readLimits(thread.proc, process.pid)!.map(({ soft, hard }) => ({ cur: soft, max: hard })) };
  const task = { pid: process.pid, nsPid: process.pid, core, mm: {}, status, threads: [] } as unknown as DumpTask;
  const one = { task, tid: thread.tid, nsTid: thread.tid, core } as unknown as DumpThread;
  const extra = new ExtraState();
  const run = { thread, log: silentLog(), extra } as unknown as DumpRun;
  coredumpFilter.readFrozen!(task, run);
  const finish: (Finish | void)[] = [];
  const { free } = thread.once('dump', 65536, (p) => {
    for (const resource of resources)
      finish.push(resource.readInside?.(p, task, run), resource.readThread?.(p, one, run), resource.readOutside?.(p, one, run));
  });
  for (const decode of finish) decode?.();
  free();
  return { core, mm: task.mm, extra };
}

test('every attribute is read back as it was set', () => {
  assert.equal(process.getuid?.(), 0, 'this test needs root');
  const thread = new KernelThread();
  try {
    const want = wanted(thread);
    const extra = wantedExtra(thread);
    restoreAll(thread, want, extra);
    const got = dumpAll(thread);
    assert.deepEqual(got.core.thread_core!.creds, creds);
    assert.deepEqual(got.core.thread_core, want.thread_core);
    assert.deepEqual(got.core.thread_info, want.thread_info);
    // The thread is not the leader, who gives the process its name.
    assert.deepEqual(got.core.tc, { ...want.tc, comm: want.thread_core!.comm });
    assert.equal(got.extra.toJson('x'), extra.toJson('x'));
    assert.deepEqual(got.mm, { dumpable: 0, thp_disabled: true });
  } finally {
    thread.close();
  }
});

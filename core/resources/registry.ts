/** The built-in resources of tasks, in the order in which dump and restore call them. Plugins join the same list at run time. */
import { childSubreaper } from './child-subreaper.js';
import { clearChildTid } from './clear-child-tid.js';
import { comm } from './comm.js';
import { coredumpFilter } from './coredump-filter.js';
import { cpuAffinity } from './cpu-affinity.js';
import { creds } from './creds.js';
import { dumpable } from './dumpable.js';
import { files } from './files/resource.js';
import { ioPriority } from './io-priority.js';
import { localDescriptors } from './local-descriptors.js';
import { loginuid } from './loginuid.js';
import { lockedMemory } from './memory/locked.js';
import { mappingPolicy } from './memory/mapping-policy.js';
import { mcePolicy } from './mce-policy.js';
import { membarrier } from './membarrier.js';
import { protectionKeys } from './memory/protection-keys.js';
import { memoryMerge } from './memory-merge.js';
import { memoryPolicy } from './memory-policy.js';
import { mlockFuture } from './mlock-future.js';
import { mm } from './memory/mm.js';
import { oomScore } from './oom-score.js';
import { pdeathSignal } from './pdeath-signal.js';
import { pendingSignals } from './pending-signals.js';
import { personality } from './personality.js';
import { registers } from './registers.js';
import type { TaskResource } from './resource.js';
import { rlimits } from './rlimits.js';
import { robustList } from './robust-list.js';
import { rseq } from './rseq.js';
import { sched } from './sched.js';
import { seccomp } from './seccomp.js';
import { shadowStack } from './shadow-stack.js';
import { signals } from './signals.js';
import { sysvIpc } from './ipc/resource.js';
import { syscallDispatch } from './syscall-dispatch.js';
import { thp } from './thp.js';
import { threadSharing } from './thread-sharing.js';
import { timerSlack } from './timer-slack.js';
import { timers } from './timers.js';
import { tscMode } from './tsc-mode.js';
import { writeExecute } from './write-execute.js';

export const TASK_RESOURCES: readonly TaskResource[] = [
  seccomp,
  shadowStack,
  syscallDispatch,
  localDescriptors,
  threadSharing,
  signals,
  // Before the registers: a signal that waits decides how an interrupted call goes on.
  pendingSignals,
  // Before the registers: a thread inside a critical section goes on at its abort handler.
  rseq,
  registers,
  mm,
  mappingPolicy,
  lockedMemory,
  protectionKeys,
  sysvIpc,
  timers,
  comm,
  creds,
  sched,
  cpuAffinity,
  ioPriority,
  timerSlack,
  mcePolicy,
  tscMode,
  memoryPolicy,
  // After the address space has its fields: personality and THP change what later mappings are.
  personality,
  thp,
  mlockFuture,
  memoryMerge,
  membarrier,
  oomScore,
  loginuid,
  coredumpFilter,
  robustList,
  clearChildTid,
  pdeathSignal,
  childSubreaper,
  dumpable,
  writeExecute,
  rlimits,
  files,
];

/**
 * Credentials of every thread: ids, groups, the five capability sets, securebits, no_new_privs (credentials(7), capabilities(7)). All of them belong
 * to the thread, not to the process; C libraries only pretend otherwise.
 */
import type { DumpRun, DumpTask } from '../dump/model.js';
import { CrError } from '../errors.js';
import type { CredsEntry } from '../images/generated/core.js';
import type { ProcText } from '../kernel/procfs/reader.js';
import { parseStatus, type Status } from '../kernel/procfs/status.js';
import { readLabel } from '../kernel/procfs/task-values.js';
import { readStatusTexts } from '../kernel/thread-status.js';
import type { Program, StructPtr } from '../program/program.js';
import type { RestoreRun, RestoreTask } from '../restore/model.js';
import { capabilityNames, capabilityNumbers, toWords } from './capabilities.js';
import { capabilitySets, credsEntry, credsLines, credsProblems } from './creds-entry.js';
import type { TaskResource } from './resource.js';
import { credsPart, threadPart, whose } from './task-parts.js';

const PR_GET_SECUREBITS = 27;
/** Version 3 of capset(2) has the sets in two parts. */
const CAP_WORDS = 2;
const PR_SET_SECUREBITS = 28;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
/** linux/securebits.h: a change of uids leaves the capability sets alone. */
const SECBIT_NO_SETUID_FIXUP = 1 << 2;
const CAPABILITY_VERSION_3 = 0x20080522;

function readThreadCreds(run: DumpRun, { pid, threads }: DumpTask): void {
  const known = new Map<string, CredsEntry>();
  const tids = threads.map(({ tid }) => tid);
  readStatusTexts(run.thread, pid, tids, (i, text) => (threadPart(threads[i]!.core).creds = credsOf(text, known)));
  const lost = threads.find(({ core }) => threadPart(core).creds === undefined);
  if (lost)
    throw new CrError('CR_TARGET_LOST', { message: 'ended while it was frozen', subject: { pid, tid: lost.tid }, target: 'running' });
}

function credsOf(text: ProcText, known: Map<string, CredsEntry>): CredsEntry {
  const lines = credsLines(Buffer.from(text.bytes.buffer, text.bytes.byteOffset, text.bytes.length));
  let entry = known.get(lines);
  if (!entry) known.set(lines, (entry = credsEntry(parseStatus(text))));
  // A copy: each thread gets securebits of its own.
  return { ...entry };
}

function planTask(task: RestoreTask, run: RestoreRun): string[] {
  const own = run.own.status.caps;
  const lines = new Set<string>();
  let narrowed = 0n;
  // Threads with the same credentials mostly have the same object.
  const known = new Map<CredsEntry, readonly string[]>();
  for (const thread of task.threads) {
    const creds = credsPart(thread.core);
    let problems = known.get(creds);
    if (!problems) {
      known.set(creds, (problems = credsProblems(creds, own)));
      narrowed |= (capabilitySets(creds)?.bounding ?? 0n) & ~own.bounding;
    }
    for (const line of problems) lines.add(whose(task.pid, thread.tid) + line);
  }
  // A bounding set can only shrink. It matters to programs that the task may start later, not to the task itself.
  if (narrowed !== 0n) run.log.warn(`pid ${task.pid} gets a bounding set without ${capabilityNames(narrowed)}, which criu-ts itself lacks`);
  return [...lines];
}

function capData(p: Program, effective: bigint, permitted: bigint, inheritable: bigint): StructPtr<'cap_data'> {
  const data = p.structs('cap_data', CAP_WORDS);
  const [e, i, m] = [toWords(effective), toWords(inheritable), toWords(permitted)];
  data.forEach((part, w) => part.put({ effective: e[w]!, permitted: m[w]!, inheritable: i[w]! }));
  return data[0]!;
}

/**
 * The order is forced: each step still needs a privilege that a later one takes away, or is undone by an earlier one.
 *  1. NO_SETUID_FIXUP, or the uids would take the capabilities along. 2. Groups and gids before uids. 3. fs ids after the others, which set them too.
 *  4. Inheritable set while permitted is full (ambient needs a capability in both). 5. Ambient, before its securebit can forbid it. 6. Bounding set, final
 *  securebits: both need CAP_SETPCAP. 7. The final sets. 8. no_new_privs, which forbids nothing above but has no way back.
 */
function emitCreds(p: Program, creds: CredsEntry, own: Status['caps']): void {
  const sets = capabilitySets(creds)!;
  const groups = p.out(Math.max(4, creds.groups.length * 4));
  creds.groups.forEach((gid, i) => groups.setU32(4 * i, gid));
  p.sys.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0).must('keep the capabilities while the ids change');
  p.sys.setgroups(creds.groups.length, groups).must('set the supplementary groups');
  p.sys.setresgid(creds.gid, creds.egid, creds.sgid).must('set the group ids');
  p.sys.setresuid(creds.uid, creds.euid, creds.suid).must('set the user ids');
  // These two answer with the old id and never with an error; they are only needed where the id differs from the effective one.
  if (creds.fsgid !== creds.egid) p.sys.setfsgid(creds.fsgid).ignore('checked by the next call');
  if (creds.fsgid !== creds.egid)
    p.expect(p.sys.setfsgid(-1).ignore('an invalid id only asks'), 0xffffffff, creds.fsgid, 'set the file system group id');
  if (creds.fsuid !== creds.euid) p.sys.setfsuid(creds.fsuid).ignore('checked by the next call');
  if (creds.fsuid !== creds.euid)
    p.expect(p.sys.setfsuid(-1).ignore('an invalid id only asks'), 0xffffffff, creds.fsuid, 'set the file system user id');
  const header = p.struct('cap_header', { version: CAPABILITY_VERSION_3 });
  p.sys.capset(header, capData(p, own.permitted, own.permitted, sets.inheritable)).must('set the inheritable capabilities');
  for (const n of capabilityNumbers(sets.ambient))
    p.sys.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0).must(`raise ambient capability ${n}`);
  for (const n of capabilityNumbers(own.bounding & ~sets.bounding))
    p.sys.prctl(PR_CAPBSET_DROP, n, 0, 0, 0).must(`drop capability ${n} from the bounding set`);
  p.sys.prctl(PR_SET_SECUREBITS, creds.secbits, 0, 0, 0).must('set the securebits');
  p.sys.capset(header, capData(p, sets.effective, sets.permitted, sets.inheritable)).must('set the capabilities');
  if ((creds.no_new_privs ?? 0) !== 0) p.sys.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).must('set no_new_privs');
}

export const creds: TaskResource = {
  name: 'creds',
  preflight(task) {
    // A restored task has the label of criu-ts, so that one is right without being in the images.
    const own = task.proc.fact('own label', () => readLabel(task.proc, process.pid, process.pid));
    // No module gives labels to tasks.
    if (own === null) return [];
    const labels = new Set(task.threads.map((thread) => readLabel(task.proc, task.pid, thread.tid)));
    for (const fine of [null, '', 'unconfined', own]) labels.delete(fine);
    return [...labels].map((label) => `is confined by the security profile "${label}"; not built yet: run it unconfined`);
  },
  foresee: ({ status }, own) => credsProblems(credsEntry(status), own.status.caps),
  readFrozen(task, run) {
    // What the freeze has read of it.
    const [only, ...others] = task.threads;
    if (only && only.tid === task.pid && others.length === 0) {
      threadPart(only.core).creds = credsEntry(task.status);
      return;
    }
    readThreadCreds(run, task);
  },
  readThread(p, thread) {
    const bits = p.sys.prctl(PR_GET_SECUREBITS, 0, 0, 0, 0).must('read the securebits');
    return () => {
      credsPart(thread.core).secbits = bits.result;
    };
  },
  plan: planTask,
  thread: {
    threadCreds(p, thread, run) {
      emitCreds(p, credsPart(thread.core), run.own.status.caps);
    },
  },
};

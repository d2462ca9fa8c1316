/**
 * Adjustments that the kernel makes to semaphores when a process ends (semop(2), SEM_UNDO). No call tells them. But semop refuses an adjustment that
 * would leave the range of -32768 to 32767 with ERANGE, takes a list of operations as a whole or not at all, and fails with EAGAIN where it would have
 * to wait: a list that ends with such a wait changes nothing, and its error tells whether the adjustment has room for one more.
 */
import { errnoNumber } from '../../abi/errno.js';
import { IPC, SEM, SEMVMX } from '../../abi/sysv-ipc.js';
import type { DumpTask } from '../../dump/model.js';
import { CrError } from '../../errors.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import { runRemote } from '../../kernel/remote-jobs.js';
import type { Call } from '../../program/call.js';
import { Program, type Ptr } from '../../program/program.js';
import type { SemaphoreSet } from './semaphores.js';

/** struct sembuf: u16 number, i16 operation, i16 flags. */
const SEMBUF = 6;
const SEMAEM = 32768;
const CLONE_SYSVSEM = 0x40000;
const KCMP_SYSVSEM = 6;
/** Semaphores asked about in one program. */
const BATCH = 256;
/** Halvings of the 65,536 values that an adjustment can have. */
const ROUNDS = 16;

export interface Operation {
  readonly change: number;
  readonly undo: boolean;
}

/** Operations by `total` with SEM_UNDO that leave the value where it was: at `base`, the end of the range that they move away from. */
function swings(total: number, base: 0 | typeof SEMVMX): Operation[] {
  const away = base === 0 ? 1 : -1;
  const out: Operation[] = [];
  for (let left = total; left > 0; left -= SEMVMX) {
    const step = Math.min(left, SEMVMX) * away;
    out.push({ change: step, undo: true }, { change: -step, undo: false });
  }
  return out;
}

function move(from: number, to: number): Operation[] {
  // An operation by zero would wait for zero.
  return from === to ? [] : [{ change: to - from, undo: false }];
}

/** Operations that give a semaphore of this value an adjustment, and do not change the value. */
export function adjusting(value: number, adjustment: number): Operation[] {
  const base = adjustment > 0 ? SEMVMX : 0;
  return [...move(value, base), ...swings(Math.abs(adjustment), base), ...move(base, value)];
}

/** Operations that fail: with EAGAIN when the adjustment and `more` together are in range, else with ERANGE. */
export function probing(value: number, more: number): Operation[] {
  return [...move(value, SEMVMX), ...swings(more, SEMVMX), { change: 0, undo: false }];
}

function emitOperations(p: Program, set: number, number: number, list: readonly Operation[]): Call {
  const bytes = Buffer.alloc(list.length * SEMBUF);
  list.forEach(({ change, undo }, i) => {
    bytes.writeUInt16LE(number, i * SEMBUF);
    bytes.writeInt16LE(change, i * SEMBUF + 2);
    bytes.writeInt16LE(IPC.NOWAIT | (undo ? SEM.UNDO : 0), i * SEMBUF + 4);
  });
  const operations: Ptr = p.data(bytes);
  return p.sys.semop(set, operations, list.length);
}

/** One semaphore of one process. */
interface Question {
  readonly task: DumpTask;
  readonly set: number;
  readonly number: number;
  readonly value: number;
}

/** An adjustment that is not zero. */
export interface Adjustment extends Question {
  readonly adjustment: number;
}

/** Finds all adjustments of infected, frozen processes. `sets`: those of their IPC namespace that were ever used. */
export function findAdjustments(thread: KernelThread, tasks: readonly DumpTask[], sets: readonly SemaphoreSet[]): Adjustment[] {
  const suspects = sets.length === 0 ? [] : withUndoList(thread, tasks);
  const questions = suspects.flatMap((task) =>
    sets.flatMap(({ entry, values }) => values.map((value, number): Question => ({ task, set: entry.desc.id, number, value }))),
  );
  const found: Adjustment[] = [];
  for (let i = 0; i < questions.length; i += BATCH) {
    const some = questions.slice(i, i + BATCH);
    const zero = some.map(() => SEMVMX);
    const low = ask(thread, some, zero);
    const high = ask(
      thread,
      some,
      zero.map((more) => more + 1),
    );
    // In range with 32767 more, and not with one more than that: the adjustment is zero.
    found.push(
      ...measure(
        thread,
        some.filter((_question, at) => !low[at] || high[at]),
      ),
    );
  }
  return found;
}

/** By halves: the most that can be added before the adjustment leaves its range. */
function measure(thread: KernelThread, questions: readonly Question[]): Adjustment[] {
  if (questions.length === 0) return [];
  const room = questions.map(() => 0);
  for (let round = ROUNDS - 1; round >= 0; round--) {
    const tried = room.map((known) => known + 2 ** round);
    ask(thread, questions, tried).forEach((inRange, i) => {
      if (inRange) room[i] = tried[i]!;
    });
  }
  return questions.map((question, i) => ({ ...question, adjustment: SEMVMX - room[i]! })).filter(({ adjustment }) => adjustment !== 0);
}

/** Is each adjustment with `more` added still in range? A set that the process may not change is one that it has no adjustments for. */
function ask(thread: KernelThread, questions: readonly Question[], more: readonly number[]): boolean[] {
  const programs = new Map<DumpTask, Program>();
  const marks = new Map<DumpTask, number>();
  const calls = questions.map(({ task, set, number, value }, i) => {
    const { arena } = task.parasite!;
    if (!programs.has(task)) marks.set(task, arena.mark);
    const p = programs.get(task) ?? new Program('ipc.undo', arena);
    programs.set(task, p);
    return emitOperations(p, set, number, probing(value, more[i]!)).ignore('it always fails, and the error is what we ask for');
  });
  const jobs = [...programs].map(([task, p]) => ({
    parasite: task.parasite!,
    tracee: task.threads.find((t) => t.isMain)!.tracee,
    program: p.end(),
  }));
  runRemote(thread, jobs);
  const answers = calls.map(({ result }, i) => answer(-result, questions[i]!, more[i]!));
  for (const [task, mark] of marks) task.parasite!.arena.release(mark);
  return answers;
}

function answer(errno: number, { task, set, number }: Question, more: number): boolean {
  if (errno === errnoNumber('ERANGE')) return false;
  if (errno === errnoNumber('EAGAIN')) return true;
  if (errno === errnoNumber('EACCES') || errno === errnoNumber('EIDRM') || errno === errnoNumber('EINVAL')) return more <= SEMVMX;
  throw new CrError('CR_REMOTE', {
    message: `cannot ask for the adjustment of semaphore ${number} in set ${set} (errno ${errno})`,
    subject: { pid: task.pid },
    target: 'running',
  });
}

/** Processes that have ever asked for an adjustment, or have threads, which share the list of them (clone(2), CLONE_SYSVSEM). */
function withUndoList(thread: KernelThread, tasks: readonly DumpTask[]): DumpTask[] {
  const { value, free } = thread.once('ipc.undo-lists', 8192 + tasks.length * 96, (p) => {
    // A thread that let its share go has no list: what compares equal with it has none either.
    p.sys.unshare(CLONE_SYSVSEM).must('have no semaphore adjustments');
    return tasks.map((task) => p.sys.kcmp(task.pid, thread.tid, KCMP_SYSVSEM, 0, 0).must('compare semaphore adjustments'));
  });
  const found = tasks.filter((_task, i) => value[i]!.result !== 0);
  free();
  return found;
}

/** Threads and processes of which the adjustments are not those of one process; null when there is none. */
export function strangeSharing(thread: KernelThread, tasks: readonly DumpTask[]): { pid: number; tid: number } | null {
  const pairs = [
    ...tasks.flatMap((task) => task.threads.map((other) => ({ task, tid: other.tid, alike: true }))),
    ...tasks.flatMap((task, i) => tasks.slice(i + 1).map((other) => ({ task, tid: other.pid, alike: false }))),
  ];
  const { value, free } = thread.once('ipc.undo-sharing', 8192 + pairs.length * 96, (p) =>
    pairs.map(({ task, tid }) => p.sys.kcmp(task.pid, tid, KCMP_SYSVSEM, 0, 0).must('compare semaphore adjustments')),
  );
  const strange = pairs.find(({ alike }, i) => (value[i]!.result === 0) !== alike);
  free();
  return strange ? { pid: strange.task.pid, tid: strange.tid } : null;
}

/** Emits the adjustments of a process, in that process. The values must be there already: setting them drops all adjustments (semctl(2), SETALL). */
export function emitAdjustments(p: Program, list: readonly { set: number; number: number; value: number; adjustment: number }[]): void {
  for (const { set, number, value, adjustment } of list)
    emitOperations(p, set, number, adjusting(value, adjustment)).must(
      `adjust semaphore ${number} of set ${set} by ${adjustment} at the end`,
    );
}

/** Most adjustments that one process can have in an image; more are a damaged one. */
const MAX_ADJUSTMENTS = 1 << 20;
const LINE = /^(\d{1,10})\.(\d{1,7}):(-?\d{1,5})$/;

/** Adjustments as extra state holds them: `set.number:adjustment`, with blanks between. */
export function adjustmentsText(list: readonly Pick<Adjustment, 'set' | 'number' | 'adjustment'>[]): string {
  return list.map(({ set, number, adjustment }) => `${set}.${number}:${adjustment}`).join(' ');
}

/** Throws SyntaxError. */
export function parseAdjustments(text: string): { set: number; number: number; adjustment: number }[] {
  const words = text.split(' ', MAX_ADJUSTMENTS);
  return words.map((word) => {
    const m = LINE.exec(word);
    const adjustment = Number(m?.[3] ?? 0);
    if (!m || adjustment === 0 || adjustment > SEMVMX || adjustment < -SEMAEM)
      throw new SyntaxError(`"${word.slice(0, 40)}" is no semaphore adjustment`);
    return { set: Number(m[1]), number: Number(m[2]), adjustment };
  });
}

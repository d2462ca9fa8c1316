// What the log of a step amounts to. Every verdict comes from facts that ctl and the target printed: results of calls, states, ticks, contents.
//   pass: asserts were met. answered: a question to the driver has an answer, whatever it is. fail: anything else.

/** Calls `pid N OP -> CODE NAME [state=S] ...`, ticks, snapshots and contents of a log, in order. */
export function factsOf(log) {
  const calls = [...log.matchAll(/^ +pid (\d+) (\S+) +-> (HANG|-?\d+)(?:[^\n]*?state=(-?\d+))?/gm)].map(([, pid, op, code, state]) => ({
    pid: Number(pid),
    op,
    code: code === 'HANG' ? 'hang' : Number(code),
    state: state === undefined ? undefined : Number(state),
  }));
  const snapshots = [...log.matchAll(/^ +snap (\S+): \d+ fds \((\d+) of nvidia\), \d+ maps \((\d+) of/gm)].map(([, name, fds, maps]) => ({
    name,
    devices: Number(fds) + Number(maps),
  }));
  return { log, calls, snapshots, moves: [...log.matchAll(/\b(MOVES|STANDS)$/gm)].map(([, word]) => word) };
}

/** What is wrong whatever was asked: memory that is not what it was, a target that never ran, a checkpointer that failed. */
function damage({ log }) {
  const found = /target did not start|target itself FAILED|(?:DUMP|RESTORE) FAILED|\bbad [1-9]\d*|\berr [1-9]\d*\b/.exec(log);
  return found ? `its log has "${found[0].trim()}"` : undefined;
}

const text = ({ op, code, state }) => `${op} ${code}${state === undefined ? '' : ` (state ${state})`}`;

/** What is wrong with a target that has to run at the end. */
function standing({ moves }) {
  if (moves.length === 0) return 'nobody looked whether the target goes on';
  return moves.at(-1) === 'STANDS' ? 'the target stands at the end' : undefined;
}

/** Every call worked, and the target goes on. */
function allWorked(facts) {
  const wrong = facts.calls.filter(({ code }) => code !== 0);
  return wrong.length > 0 ? `not 0: ${wrong.map(text).join(', ')}` : standing(facts);
}

/** As allWorked; a snapshot of a checkpointed target shows none of its devices. */
function leavesNothing(facts) {
  const left = facts.snapshots.filter(({ name, devices }) => name.endsWith('checkpointed') && devices > 0);
  return (
    allWorked(facts) ??
    (left.length > 0 ? `${left[0].devices} descriptors and mappings of devices are left after the checkpoint` : undefined)
  );
}

/** gpu.md A.1: calls that a state forbids give 401, bad device maps 1; nothing changes the state. `*`: a question. */
const LEGAL = [
  ...['ckpt 401', 'restore 401', 'unlock 401', 'state 0 0', 'lock:3000 0'],
  ...['lock:1000 401', 'restore 401', 'state 0 1', 'ckpt 0', 'state 0 2'],
  ...['ckpt 401', 'lock:1000 401', 'unlock 401', 'state 0 2'],
  ...[
    'restore:badnew 1',
    'state 0 2',
    'restore:badold 1',
    'state 0 2',
    'restore:dup 1',
    'state 0 2',
    'restore:zero *',
    'state 0 *',
    'restore *',
  ],
  ...['state 0 1', 'unlock 0', 'state 0 0', 'lock:3000 0', 'ckpt 0', 'restore:id *', 'state 0 *', 'unlock *', 'unlock 401', 'state 0 0'],
];

function legalSequence(facts) {
  const { calls } = facts;
  const fits = (want, have) => want === undefined || want === '*' || Number(want) === have;
  for (const [i, entry] of LEGAL.entries()) {
    const [op, code, state] = entry.split(' ');
    const call = calls[i];
    if (!call || call.op !== op) return `call ${i + 1} is ${call ? text(call) : 'missing'}, not ${op}`;
    if (!fits(code, call.code) || !fits(state, call.state)) return `call ${i + 1}: ${text(call)}, expected ${entry}`;
  }
  return standing(facts);
}

/** A lock that is shorter than the work gives 600 and leaves the target running; a longer one works. */
function lockTimeout(facts) {
  const short = facts.calls.findIndex(({ op, code }) => op.startsWith('lock:') && code === 600);
  if (short < 0) return 'no lock ran out of time';
  if (facts.calls[short + 1]?.state !== 0) return `the state after a lock that ran out of time: ${facts.calls[short + 1]?.state}`;
  const long = facts.calls.find(({ op }) => op === 'lock:6000');
  return long?.code === 0 ? standing(facts) : `the longer lock: ${long ? text(long) : 'missing'}`;
}

/** A restore without memory gives 2. What comes after it is a question (sticky, or not). */
function outOfMemory({ calls }) {
  const restore = calls.find(({ op }) => op === 'restore');
  return restore?.code === 2 ? undefined : `restore without memory: ${restore ? text(restore) : 'missing'}`;
}

/** By hand after a restore in which the plugin took part: it has given the devices back, so there is nothing to restore or unlock. */
function pluginWasThere(facts) {
  const after = facts.calls.slice(facts.calls.findLastIndex(({ op }) => op === 'tid'));
  const [restore, unlock] = ['restore', 'unlock'].map((op) => after.find((call) => call.op === op));
  const state = facts.calls.filter(({ op }) => op === 'state').at(-1);
  if (state?.state !== 0) return `the state at the end: ${state ? text(state) : 'missing'}`;
  if (restore?.code !== 401 || unlock?.code !== 401)
    return `restore and unlock by hand: ${[restore, unlock].map((call) => call?.code).join(', ')}, not 401`;
  return standing(facts);
}

/** What is wrong with the facts of a step that asserts; undefined when nothing is. */
const ASSERTS = {
  t16: leavesNothing,
  t1g: allWorked,
  rich: leavesNothing,
  pidns: allWorked,
  seccomp: allWorked,
  twogpus: allWorked,
  legal: legalSequence,
  spin: lockTimeout,
  vram: outOfMemory,
  ours: allWorked,
  oursrich: pluginWasThere,
  criu: allWorked,
  criuours: allWorked,
  ourscriu: allWorked,
  torch: allWorked,
  torchcriu: allWorked,
};

/** In one line: each different answer once, in order. */
function answers({ calls, moves }) {
  const each = [...new Set(calls.map(text))];
  const shown = each.length > 12 ? [...each.slice(0, 12), `and ${each.length - 12} more`] : each;
  return `${shown.join(', ')}; the target ${moves.length === 0 ? 'was not looked at' : moves.at(-1) === 'MOVES' ? 'goes on' : 'stands'} at the end`;
}

/**
 * Verdict and reason. `result`: exit status, signal and output of the step; `checks`: the step tells its verdict itself.
 */
export function judge(step, { status, signal, stdout }, { limitS, checks }) {
  const said = [...stdout.matchAll(/^VERDICT (pass|fail|skipped) (.*)$/gm)].at(-1);
  if (status === 124 || status === 137 || signal) return ['fail', `did not end in ${limitS} s`];
  if (said) return [said[1], said[2]];
  if (checks) return ['fail', `ended with ${status} and no verdict`];
  const facts = factsOf(stdout);
  const broken = damage(facts);
  if (broken !== undefined) return ['fail', broken];
  if (facts.calls.length === 0) return ['fail', 'asked nothing'];
  const assert = ASSERTS[step];
  if (assert === undefined) return ['answered', answers(facts)];
  const wrong = assert(facts);
  return wrong === undefined ? ['pass', `${facts.calls.length} calls as they should be`] : ['fail', wrong];
}

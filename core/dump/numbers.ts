/** Sessions and process groups that are named after processes outside of the tree: who restores it would need numbers that others have. */
import { LocalCalls } from '../kernel/local.js';
import { readProcesses } from '../kernel/procfs/processes.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import { readStat, type Stat } from '../kernel/procfs/stat.js';
import type { TreeNode } from './tree.js';

export interface Problem {
  readonly pid: number;
  readonly what: string;
}

/** What of a process the rule needs. */
type Ids = Pick<Stat, 'pid' | 'sid' | 'pgrp' | 'comm' | 'state'>;

/**
 * One line for each process that is in such a session or group. A number whose leader is gone is nobody's, unless somebody outside of the tree is in that
 * session or group too: then the kernel still has it.
 * @param nodes root first; read while the tree runs
 */
export function checkNumbers(proc: ProcReader, nodes: readonly TreeNode[]): Problem[] {
  const tree = nodes.map(({ pid, stat }) => ({ ...stat, pid }));
  const wanted = foreignNumbers(tree);
  if (wanted.size === 0) return [];
  const pids = new Set(tree.map(({ pid }) => pid));
  const others = outsiders(proc, pids).filter(({ pid, sid, pgrp }) => [pid, sid, pgrp].some((number) => wanted.has(number)));
  return problems(tree, wanted, strangers(proc, others, pids));
}

/** Longest line of newborns that is followed. */
const MAX_LINE = 64;

/** Those that are no descendants of the tree: it runs, and what it forks after we walked it is its own, too. */
export function withoutNewborns<T extends Pick<Stat, 'ppid'>>(
  others: readonly T[],
  tree: ReadonlySet<number>,
  parentOf: (pid: number) => number | undefined,
): T[] {
  return others.filter(({ ppid }) => {
    let parent: number | undefined = ppid;
    for (let i = 0; i < MAX_LINE && parent !== undefined && parent > 1; i++) {
      if (tree.has(parent)) return false;
      parent = parentOf(parent);
    }
    return true;
  });
}

function strangers(proc: ProcReader, others: readonly Stat[], tree: ReadonlySet<number>): Stat[] {
  return withoutNewborns(others, tree, (pid) => readStat(proc, pid)?.ppid);
}

/** Numbers that a restore has to take for itself: of sessions and groups without a leader in the tree, and 0 for those of another pid namespace. */
export function foreignNumbers(tree: readonly Ids[]): Set<number> {
  const [root] = tree;
  const pids = new Set(tree.map(({ pid }) => pid));
  // A shell job comes back in the session and the group of the shell that restores it (--shell-job, without which it is refused for that).
  const adopted = new Set(root && !pids.has(root.sid) ? [root.sid, root.pgrp] : []);
  return new Set(tree.flatMap(({ sid, pgrp }) => [sid, pgrp]).filter((number) => !pids.has(number) && !adopted.has(number)));
}

/** @param others processes outside of the tree */
export function problems(tree: readonly Ids[], wanted: ReadonlySet<number>, others: readonly Ids[]): Problem[] {
  return tree.flatMap(({ pid, sid, pgrp }): Problem[] => {
    const number = [sid, pgrp].find((id) => wanted.has(id) && (id === 0 || holderOf(id, others) !== undefined));
    if (number === undefined) return [];
    const kind = number === sid ? 'session' : 'process group';
    if (number === 0)
      return [{ pid, what: `is in a ${kind} whose leader is outside of this pid namespace: start it with setsid inside of the namespace` }];
    const holder = holderOf(number, others)!;
    const who = `process ${holder.pid} (${holder.comm})`;
    const how = holder.pid === number ? `${who} leads` : `${who} is in`;
    return [{ pid, what: `is in ${kind} ${number}, which ${how} outside of the tree: dump them together, or end that one first` }];
  });
}

/**
 * One line for each number of the tree that a process outside of it will keep when the tree is gone: a restore on this host finds it taken. The tree can be dumped
 * all the same; the other process may end, and other hosts do not have it.
 */
export function foreseeNumbers(thread: KernelThread, nodes: readonly TreeNode[]): Problem[] {
  const tree = nodes.map(({ pid, stat }) => ({ ...stat, pid }));
  const pids = new Set(tree.map(({ pid }) => pid));
  const others = membersOf(thread, pids);
  const known = others.flatMap((pid) => readStat(thread.proc, pid) ?? []);
  return keptNumbers(tree, strangers(thread.proc, known, pids));
}

/** @param others processes outside of the tree */
export function keptNumbers(tree: readonly Ids[], others: readonly Ids[]): Problem[] {
  const living = others.filter(({ state }) => state !== 'Z');
  return tree.flatMap(({ pid }): Problem[] => {
    const holder = living.find(({ sid }) => sid === pid) ?? living.find(({ pgrp }) => pgrp === pid);
    if (!holder) return [];
    const kind = holder.sid === pid ? 'session' : 'process group';
    const advice = `end it before the restore (kill ${holder.pid}), or dump both in one tree`;
    const what = `is the ${kind} of process ${holder.pid} (${holder.comm}), which is outside of the tree and keeps that number: ${advice}`;
    return [{ pid, what }];
  });
}

/** Who outside of a tree is in a session or group that is named after one of `pids`. Asked by system calls: to read of all processes of a host takes long. */
function membersOf({ native, proc }: KernelThread, pids: ReadonlySet<number>): number[] {
  const calls = new LocalCalls(native);
  const isIn = (pid: number) => pids.has(calls.call('getsid', pid)) || pids.has(calls.call('getpgid', pid));
  const found = readProcesses(proc).filter((pid) => !pids.has(pid) && isIn(pid));
  calls.close();
  return found;
}

/** A zombie may be gone in a moment; whoever restores waits for that. */
function holderOf(number: number, others: readonly Ids[]): Ids | undefined {
  const living = others.filter(({ state }) => state !== 'Z');
  return living.find(({ pid }) => pid === number) ?? living.find(({ sid, pgrp }) => sid === number || pgrp === number);
}

/** All that /proc shows besides the tree. */
function outsiders(proc: ProcReader, tree: ReadonlySet<number>): Stat[] {
  return readProcesses(proc)
    .filter((pid) => !tree.has(pid))
    .flatMap((pid) => readStat(proc, pid) ?? []);
}

/**
 * The pre-flight: everything that cannot be dumped is found while the tree still runs, and told in one report. It also warms the code that the
 * frozen part uses.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { Hooks } from '../hooks.js';
import type { KernelThread } from '../kernel/kernel-thread.js';
import { type OwnState, readOwnState } from '../kernel/own-state.js';
import { readNamespaces, type NsKind } from '../kernel/procfs/ns.js';
import { isZombie } from '../kernel/procfs/stat.js';
import { readSmaps } from '../kernel/procfs/smaps.js';
import type { Log } from '../log.js';
import type { ResolvedDumpOptions } from '../options.js';
import type { BuildIds } from '../resources/files/build-id.js';
import { PreflightFiles } from '../resources/files/preflight.js';
import { checkIpcNamespaces } from '../resources/ipc/preflight.js';
import { refuseVma } from '../resources/memory/vmas.js';
import { preflightBirths } from './births.js';
import { preflightTask } from './preflight-task.js';
import { checkNumbers, foreseeNumbers } from './numbers.js';
import { checkRoot, DEAD_LEADER, hasDeadLeader, walkTree, type TreeNode } from './tree.js';

export interface Refusal {
  readonly pid: number;
  readonly what: string;
}

/** Lines of a report; more are counted, not printed. */
const MAX_LINES = 200;
/** Must be ours; the IPC namespace is looked at for the tree as a whole. */
const CHECKED_NAMESPACES: readonly NsKind[] = ['pid', 'net', 'uts', 'mnt', 'user', 'cgroup', 'time'];

export interface PreflightRun {
  readonly thread: KernelThread;
  readonly options: ResolvedDumpOptions;
  readonly hooks: Hooks;
  readonly log: Log;
  /** Gets those of mapped files. */
  readonly buildIds: BuildIds;
  /** Gets a name for each object of shared memory that the tree maps. */
  readonly sharedMemory: Set<string>;
}

/** Walks and checks the tree. Throws CR_UNSUPPORTED with every reason. */
export function preflight(run: PreflightRun): TreeNode[] {
  const { options, hooks } = run;
  const { proc } = run.thread;
  const nodes = walkTree(proc, options.pid);
  checkRoot(proc, nodes);
  const pids = nodes.map((node) => node.pid);
  const files = new PreflightFiles(proc, options, pids, hooks);
  try {
    warn(run, nodes, checkTree(run, nodes, files));
    if (options.fileValidation === 'buildid' && !options.dryRun) files.readBuildIds(run.buildIds);
    return nodes;
  } finally {
    files.close();
  }
}

/** What a restore with our rights could not do, and what it would go on without. */
interface Outlook {
  readonly foreseen: Refusal[];
  readonly foregone: Refusal[];
}

/** Throws CR_UNSUPPORTED. */
function checkTree({ thread, options, hooks, sharedMemory }: PreflightRun, nodes: readonly TreeNode[], files: PreflightFiles): Outlook {
  const { proc } = thread;
  const outlook = { foreseen: [], foregone: [] };
  const context = { thread, files, hooks, sharedMemory, own: readNamespaces(proc, process.pid), rights: readOwnState(proc), ...outlook };
  const live = nodes.filter((node) => !isZombie(node)).map((node) => node.pid);
  const refusals = [
    ...checkSession(nodes, options),
    ...checkNumbers(proc, nodes),
    ...checkIpcNamespaces(proc, live),
    ...checkBirths(thread, nodes, options),
    ...nodes.flatMap((node) => checkProcess(context, node)),
  ];
  if (refusals.length > 0) throw report(options.pid, refusals);
  return outlook;
}

function warn({ thread, log }: PreflightRun, nodes: readonly TreeNode[], { foreseen, foregone }: Outlook): void {
  const tell = (says: string, lines: readonly Refusal[]) => {
    for (const { pid, what } of lines.slice(0, MAX_LINES)) log.warn(`${says}: pid ${pid} ${what}`);
  };
  tell('A restore with the rights that we have now would fail', foreseen);
  tell('A restore with the rights that we have now would not give back', foregone);
  tell('A restore on this host will fail', foreseeNumbers(thread, nodes));
}

function report(root: number, refusals: readonly Refusal[]): CrError {
  const lines = refusals.slice(0, MAX_LINES).map((r) => `  pid ${r.pid} ${r.what}`);
  if (refusals.length > MAX_LINES) lines.push(`  ... and ${refusals.length - MAX_LINES} more`);
  return new CrError('CR_UNSUPPORTED', {
    message: `${refusals.length} object${refusals.length === 1 ? '' : 's'} cannot be checkpointed:\n${lines.join('\n')}`,
    subject: { pid: root },
    target: 'running',
  });
}

function checkSession(nodes: readonly TreeNode[], options: ResolvedDumpOptions): Refusal[] {
  const root = nodes[0]!;
  if (options.shellJob) return [];
  const pids = new Set(nodes.map((node) => node.pid));
  // A session that began outside the tree belongs to somebody else's shell; only --shell-job ties the tree to the restorer's.
  if (root.stat.sid === root.pid) return [];
  const outside = nodes.filter((node) => !pids.has(node.stat.sid) && node.stat.sid === root.stat.sid);
  return outside.length === 0
    ? []
    : [
        {
          pid: root.pid,
          what: `belongs to session ${root.stat.sid}, whose leader is outside the tree: start it with setsid, or use --shell-job`,
        },
      ];
}

function checkBirths(thread: KernelThread, nodes: readonly TreeNode[], options: ResolvedDumpOptions): Refusal[] {
  // One process may share with whom it likes outside the tree.
  if (nodes.length === 1) return [];
  return preflightBirths(thread, nodes, options.shellJob).map(({ pid, what, hint }) => ({ pid, what: `${what}. ${hint}` }));
}

interface Context extends Outlook, Pick<PreflightRun, 'sharedMemory'> {
  readonly thread: KernelThread;
  readonly files: PreflightFiles;
  readonly hooks: Hooks;
  readonly rights: OwnState;
  /** Namespaces of criu-ts. */
  readonly own: ReturnType<typeof readNamespaces>;
}

function checkProcess({ thread, files, hooks, sharedMemory, own, rights, foreseen, foregone }: Context, node: TreeNode): Refusal[] {
  const { proc } = thread;
  const { pid, status } = node;
  if (isZombie(node)) return hasDeadLeader(proc, node) ? [{ pid, what: DEAD_LEADER }] : [];
  const out: Refusal[] = [];
  const no = (what: string) => out.push({ pid, what });
  if (status.tracerPid > 0) no(`is traced by process ${status.tracerPid}: detach it first`);
  const elf = elfClass(pid);
  if (elf === 1) no('runs a 32-bit program; not built yet');
  checkNamespaces(own, readNamespaces(proc, pid), no);
  const vmas = readSmaps(proc, pid) ?? [];
  for (const vma of vmas) {
    if (vma.kind === 'devZero' || vma.kind === 'memfd') sharedMemory.add(`${vma.devMajor}:${vma.devMinor}:${vma.inode}`);
    const reason = refuseVma(vma);
    if (reason && !hooks.claims.claimMapping.call(pid, vma)) no(`mapping ${vma.start.toString(16)}-${vma.end.toString(16)} ${reason}`);
  }
  for (const line of [...files.refusals(pid), ...files.mappingRefusals(pid, vmas)]) no(line);
  for (const what of files.foresee(pid, rights)) foreseen.push({ pid, what });
  const target = preflightTask(thread, node);
  for (const resource of hooks.resources) {
    resource.preflight?.(target).forEach(no);
    for (const what of resource.foresee?.(target, rights) ?? []) foreseen.push({ pid, what });
    for (const what of resource.foregone?.(target, rights) ?? []) foregone.push({ pid, what });
  }
  return out;
}

function checkNamespaces(own: Context['own'], theirs: Context['own'], no: (what: string) => void): void {
  if (!own || !theirs) return;
  for (const kind of CHECKED_NAMESPACES)
    // One that is missing was given up: the process is ending just now.
    if (theirs[kind] !== undefined && own[kind] !== theirs[kind])
      no(`is in another ${kind} namespace (${theirs[kind]}); not built yet: run criu-ts inside it`);
  // A namespace that only later children will be in (unshare(2), CLONE_NEWPID and CLONE_NEWTIME).
  for (const kind of ['pid', 'time'] as const) {
    const next = theirs[`${kind}_for_children`];
    if (next !== undefined && next !== theirs[kind])
      no(
        `will have its children in another ${kind} namespace (${next}); not built yet: have it start a child, and dump that one from inside`,
      );
  }
}

/** EI_CLASS of the program, 0 when it cannot be read (elf(5)). */
function elfClass(pid: number): number {
  try {
    const fd = openSync(`/proc/${pid}/exe`, 'r');
    try {
      const head = Buffer.alloc(5);
      return readSync(fd, head, 0, 5, 0) === 5 && head.readUInt32BE(0) === 0x7f454c46 ? head[4]! : 0;
    } finally {
      closeSync(fd);
    }
  } catch {
    // The task is gone, or we may not look: the freeze tells.
    return 0;
  }
}

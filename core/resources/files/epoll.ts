/** epoll(7): sets with nested ones, copies of targets, one-shots that fired. */
import type { BigIntStats } from 'node:fs';
import { CrError } from '../../errors.js';
import type { EventpollTfdEntry } from '../../images/generated/events.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { KCMP } from '../../kernel/kcmp-classes.js';
import { type EpollItem, readFdInfo } from '../../kernel/procfs/fdinfo.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { Program } from '../../program/program.js';
import type { DumpContext, FileKind, OpenFile, Place, PreflightContext, SeenFile } from './kind.js';
import { O } from './open-flags.js';
import { seeFds } from './seen.js';

const KCMP_EPOLL_TFD = 7;
const ADD = 1;
const MOD = 3;
const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const ONESHOT = 0x4000_0000;
/** Events that every item has whether asked for or not (EPOLLERR, EPOLLHUP). */
const ALWAYS = 0x18;
const REMOVE_FIRST = 'let the program remove it from the epoll set (EPOLL_CTL_DEL) before it closes the descriptor';
const ITEMS_MAX = 1_000_000;
/** Copies of one target that are looked through for the one that a set means. */
const FD_MAX = 0x7fff_ffff;

/** How many items before this one have the same number: kcmp tells them apart by that (struct kcmp_epoll_slot). */
function offsets(items: readonly EpollItem[]): number[] {
  const seen = new Map<number, number>();
  return items.map(({ tfd }) => {
    const at = seen.get(tfd) ?? 0;
    seen.set(tfd, at + 1);
    return at;
  });
}

/** An item of an epoll set. */
interface Watched {
  readonly file: SeenFile;
  readonly item: EpollItem;
  readonly offset: number;
}

/** Whether that is what the item watches; the process may run. */
function means(calls: LocalCalls, { file, item, offset }: Watched, fd: number, pid: number): boolean {
  const slot = calls.scratch.as('kcmp_epoll_slot').put({ efd: file.fd!, tfd: item.tfd, toff: offset });
  return calls.call('kcmp', pid, file.pid, KCMP_EPOLL_TFD, fd, slot) === 0;
}

/** The descriptor of the same table that the item watches: mostly the number that it was added by, else a copy of it. */
function targetOf(file: OpenFile, item: EpollItem, offset: number, { calls, fdsOf }: DumpContext): number {
  const fds = fdsOf(file.pid);
  const wanted = [item.tfd, ...fds.filter((fd) => fd !== item.tfd)];
  for (const fd of wanted) if (fds.includes(fd) && means(calls, { file, item, offset }, fd, file.pid)) return fd;
  throw new CrError('CR_UNSUPPORTED', {
    message: `watches a file that was added as descriptor ${item.tfd} and that the process no longer has`,
    subject: { pid: file.pid, fd: file.fd!, what: file.link },
    hint: `${REMOVE_FIRST[0]!.toUpperCase()}${REMOVE_FIRST.slice(1)}.`,
    target: 'running',
  });
}

function emitAdd(p: Program, epfd: number, fd: number, op: number, events: number, data: bigint, why: string): void {
  p.sys.epoll_ctl(epfd, op, fd, p.struct('epoll_event', { events, data })).must(why);
}

/**
 * ADD and MOD switch errors and hang-ups on, a one-shot that fired has not even those. So it is made to fire: added with what is ready now, and
 * taken out. If nothing is ready it stays with errors and hang-ups.
 */
function emitFired(p: Program, epfd: number, item: EventpollTfdEntry): void {
  const kept = item.events >>> 0;
  emitAdd(p, epfd, item.tfd, ADD, kept | EPOLLIN | EPOLLOUT, item.data, 'add a target that fired');
  const taken = p.sys.epoll_wait(epfd, p.struct('epoll_event'), 1, 0).ignore('looked at by the next step');
  const done = p.branch(taken, 0xffff_ffff, 1);
  emitAdd(p, epfd, item.tfd, MOD, kept, item.data, 'disarm a target that fired');
  p.place(done);
}

/**
 * A target that was added by several of its numbers is in the set once for each of them. CRIU stores the lowest number every time, so the second
 * gets the next number that is a copy of it.
 */
export function withOwnNumbers(items: readonly EventpollTfdEntry[], table: Place['table']): EventpollTfdEntry[] {
  const named = new Set(items.map(({ tfd }) => tfd));
  const seen = new Set<number>();
  return items.map((item) => {
    const file = table.get(item.tfd);
    const again = file !== undefined && seen.has(item.tfd);
    const copy = again ? [...table].find(([fd, other]) => other === file && !named.has(fd) && !seen.has(fd))?.[0] : undefined;
    const tfd = copy ?? item.tfd;
    seen.add(tfd);
    return tfd === item.tfd ? item : { ...item, tfd };
  });
}

function emitItems(p: Program, stored: readonly EventpollTfdEntry[], { table, task, fd: epfd }: Place): void {
  const items = withOwnNumbers(stored, table);
  const fired = (item: EventpollTfdEntry) =>
    (item.events & ONESHOT) !== 0 && (item.events & 0xffff & ~ALWAYS) === 0 && (item.events & ALWAYS) === 0;
  const missing = items.find((item) => !table.has(item.tfd));
  if (missing)
    throw new CrError('CR_IMAGE_BAD', {
      message: `an epoll set watches descriptor ${missing.tfd}, which process ${task.pid} does not have`,
      subject: { path: 'files.img' },
      target: 'not started',
    });
  // Fired ones first: while the set holds nothing else, waiting takes nothing from the others.
  for (const item of items) if (fired(item)) emitFired(p, epfd, item);
  for (const item of items) if (!fired(item)) emitAdd(p, epfd, item.tfd, ADD, item.events >>> 0, item.data, 'add a target to an epoll set');
}

const sameFile = (item: EpollItem, { ino, dev }: BigIntStats) =>
  item.inode === ino && item.sdev === Number(((dev >> 8n) & 0xfffn) * (1n << 20n) + ((dev & 0xffn) | ((dev >> 12n) & 0xfff00n)));

/**
 * Targets whose descriptors the process has closed, while a copy elsewhere keeps them in the set. Files without a name have one inode for all: kcmp(2) tells
 * them apart. What is seen of a process that runs may be wrong; when the tree stands it is looked at again.
 */
function lostTarget(file: SeenFile, context: PreflightContext): EpollItem | undefined {
  const { proc, calls, pids } = context;
  const items = readFdInfo(proc, file.pid, file.fd!)?.epoll ?? [];
  if (items.length === 0) return undefined;
  const at = offsets(items);
  const watched = items.map((item, i) => ({ file, item, offset: at[i]! }));
  const lost = withoutTarget(watched, seeFds(proc, file.pid), calls);
  if (lost.length === 0) return undefined;
  // A set that several processes share is dumped with the descriptors of one of them.
  const sharers = pids.filter((pid) => pid !== file.pid).map((pid) => seeFds(proc, pid));
  return sharers.filter((fds) => haveSet(fds, file, calls)).reduce((left, fds) => withoutTarget(left, fds, calls), lost)[0]?.item;
}

/** What none of these descriptors of one process stands for. The number that it was added by is asked about first: mostly it is that. */
function withoutTarget(watched: readonly Watched[], fds: readonly SeenFile[], calls: LocalCalls): readonly Watched[] {
  const isIt = (one: Watched, { pid, fd, stat }: SeenFile) => sameFile(one.item, stat) && means(calls, one, fd!, pid);
  const byNumber = new Map(fds.map((seen) => [seen.fd, seen]));
  return watched.filter((one) => {
    const likely = byNumber.get(one.item.tfd);
    return !(likely && isIt(one, likely)) && !fds.some((seen) => isIt(one, seen));
  });
}

function haveSet(fds: readonly SeenFile[], set: SeenFile, calls: LocalCalls): boolean {
  return fds.some(({ pid, fd, link }) => link === set.link && calls.call('kcmp', set.pid, pid, KCMP.file, set.fd!, fd!) === 0);
}

export const epoll: FileKind = {
  name: 'epoll',
  type: FD_TYPES.EVENTPOLL,
  field: 'epfd',
  claims: (file) => file.link === 'anon_inode:[eventpoll]',
  refuse(file, context) {
    // Seen twice: descriptors come and go while we look.
    const lost = lostTarget(file, context) && lostTarget(file, context);
    return lost
      ? `is an epoll set that watches a file which was added as descriptor ${lost.tfd} and which the process no longer has: ${REMOVE_FIRST}`
      : null;
  },
  dump(file, id, context) {
    const items = file.info!.epoll;
    const at = offsets(items);
    const tfd = items.map((item, i) => ({
      id,
      tfd: targetOf(file, item, at[i]!, context),
      events: item.events,
      data: item.data,
      dev: item.sdev,
      inode: item.inode,
      pos: BigInt.asUintN(64, item.pos),
    }));
    context.add({ type: FD_TYPES.EVENTPOLL, id, epfd: { id, flags: file.flags, fown: file.fown, tfd } });
  },
  read({ id, epfd }, { run }) {
    const { flags, fown, tfd } = epfd!;
    if (tfd.length > ITEMS_MAX || tfd.some((item) => item.tfd > FD_MAX))
      throw new CrError('CR_IMAGE_BAD', {
        message: `epoll set ${id} has impossible targets`,
        subject: { path: 'files.img' },
        target: 'not started',
      });
    return {
      id,
      what: 'an epoll set',
      flags,
      fown,
      open: () => run.calls.must({ why: 'create an epoll set' }, 'epoll_create1', O.cloexec),
      late: (p, place) => emitItems(p, tfd, place),
    };
  },
};

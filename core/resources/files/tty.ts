/**
 * Terminals. A pty whose master is in the tree is made anew under its old number; a terminal of a shell outside (--shell-job) is replaced by the one
 * that the restore is started from; /dev/tty is opened by the task itself, when it has its controlling terminal.
 */
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import type { TtyFileEntry, TtyInfoEntry } from '../../images/generated/tty.js';
import { encodeText } from '../../kernel/procfs/text.js';
import { readStat } from '../../kernel/procfs/stat.js';
import type { Program } from '../../program/program.js';
import type { Description, DumpContext, FileKind, OpenFile, PreflightContext, RestoreContext, SeenFile } from './kind.js';
import { fileType, S } from './kind.js';
import { checkName } from './names.js';
import { O, reopenFlags } from './open-flags.js';
import {
  applySettings,
  infoId,
  PTY_MAX,
  readSettings,
  termiosBytes,
  TIO,
  TTY_TYPE,
  ttyDevice,
  ttyNumber,
  type TtyDevice,
} from './tty-info.js';

const AT_FDCWD = -100;
const PTMX = '/dev/ptmx';
const DELETED = ' (deleted)';

const deviceOf = (file: SeenFile) => (fileType(file.stat.mode) === S.chr ? ttyDevice(file.stat.rdev) : null);

/** Index of the terminal that a process has as its controlling one, or -1 when that is no pty. */
function ownIndex(context: PreflightContext, pid: number): number {
  const number = readStat(context.proc, pid)?.ttyNr ?? 0;
  for (let index = 0; number !== 0 && index <= PTY_MAX; index++) if (ttyNumber(index) === number) return index;
  return -1;
}

function refuse(file: SeenFile, context: PreflightContext): string | null {
  const device = deviceOf(file)!;
  if (device.master || context.options.shellJob || file.link.endsWith(DELETED)) return null;
  const index = device.type === TTY_TYPE.ctty ? ownIndex(context, file.pid) : device.index;
  if (device.type !== TTY_TYPE.pty && device.type !== TTY_TYPE.ctty) return null;
  if (index > PTY_MAX) return `is ${file.link}; only ptys up to ${PTY_MAX} can be dumped`;
  return context.hasMaster(index) ? null : `is the terminal ${file.link}, whose other end is outside of the tree: use --shell-job`;
}

/** Session and foreground group, from a process of the tree that has it as controlling terminal. */
function sessionOf(device: TtyDevice, index: number, file: OpenFile, { run }: DumpContext): { sid: number; pgrp: number } {
  const wanted =
    device.type === TTY_TYPE.pty ? ttyNumber(index) : device.type === TTY_TYPE.ctty ? null : Number(file.stat.rdev & 0xffff_ffffn);
  const holder = run.tasks.find((task) => (wanted === null ? task.pid === file.pid : task.stat.ttyNr === wanted));
  return holder && holder.stat.ttyNr !== 0 ? { sid: holder.stat.sid, pgrp: Math.max(0, holder.stat.tpgid) } : { sid: 0, pgrp: 0 };
}

function dump(file: OpenFile, id: number, context: DumpContext): void {
  const { calls, run, newId, add, state } = context;
  const device = deviceOf(file)!;
  let { index } = device;
  if (device.master) {
    calls.must(
      { why: 'read the number of a terminal', subject: { pid: file.pid, fd: file.fd! } },
      'ioctl',
      file.local,
      TIO.gptn,
      calls.scratch,
    );
    index = calls.scratch.u32(0);
  }
  const regId = newId();
  const name = file.link.endsWith(DELETED) ? file.link.slice(0, -DELETED.length) : file.link;
  const { flags, fown, pos } = file;
  add({ type: FD_TYPES.REG, id: regId, reg: { id: regId, flags, pos, fown, name, mode: Number(file.stat.mode), build_id: [] } });
  const tty_info_id = infoId(index, device.master);
  const known = state('ttys', () => new Set<number>());
  if (!known.has(tty_info_id)) {
    known.add(tty_info_id);
    run.images.add('tty-info', undefined, {
      id: tty_info_id,
      type: device.type,
      ...readSettings(calls, file.local, device.master),
      ...sessionOf(device, index, file, context),
      rdev: Number(file.stat.rdev & 0xffff_ffffn),
      ...(device.type === TTY_TYPE.pty ? { pty: { index } } : {}),
      dev: Number(file.stat.dev & 0xffff_ffffn),
      uid: Number(file.stat.uid),
      gid: Number(file.stat.gid),
    });
  }
  add({ type: FD_TYPES.TTY, id, tty: { id, tty_info_id, flags, fown, regf_id: regId } });
}

/** Opens ptys until the wanted number comes: the kernel gives the lowest that is free. */
function openMaster(context: RestoreContext, path: string, index: number | null, flags: number): number {
  const { calls } = context.run;
  const others: number[] = [];
  try {
    for (;;) {
      const fd = openSync(encodeText(path), (flags & ~(O.excl | O.creat | O.trunc)) | O.noctty);
      others.push(fd);
      calls.must({ why: 'read the number of a terminal' }, 'ioctl', fd, TIO.gptn, calls.scratch);
      const got = calls.scratch.u32(0);
      if (got === index || index === null) return others.pop()!;
      if (got > index)
        throw new CrError('CR_RESTORE', {
          message: `pty ${index} is in use`,
          subject: { path: `/dev/pts/${index}` },
          hint: 'Close the terminal that has this number, or restore where /dev/pts is empty.',
          target: 'not started',
        });
    }
  } finally {
    for (const fd of others) closeSync(fd);
  }
}

interface Pair {
  readonly index: number;
  readonly path: string;
  masterFlags: number | null;
  sid: number;
  pgrp: number;
  fd: number | null;
  taken: boolean;
}

/** The terminals of one restore. */
class Ttys {
  private readonly infos = new Map<number, TtyInfoEntry>();
  private readonly pairs = new Map<number, Pair>();

  constructor(private readonly context: RestoreContext) {
    const { images } = context.run;
    for (const info of images.exists('tty-info') ? images.readAll('tty-info') : []) {
      if (this.infos.has(info.id)) throw this.bad(`has terminal ${info.id} twice`);
      if (info.type === TTY_TYPE.pty && (!info.pty || info.pty.index > PTY_MAX)) throw this.bad(`has terminal ${info.id} without a number`);
      this.infos.set(info.id, info);
    }
    context.afterOpen(() => this.closeLeft());
    context.onUndo(() => this.closeLeft());
  }

  private bad(message: string): CrError {
    return new CrError('CR_IMAGE_BAD', {
      message,
      subject: { path: this.context.run.images.pathOf('tty-info.img') },
      target: 'not started',
    });
  }

  info(id: number): TtyInfoEntry {
    const info = this.infos.get(id);
    if (!info) throw this.bad(`has no terminal ${id}`);
    return info;
  }

  /** Notes that the master is in the images. */
  addMaster(info: TtyInfoEntry, path: string, flags: number): Pair {
    const pair = this.pairOf(info, path);
    if (pair.masterFlags !== null) throw this.bad(`has two masters of pty ${pair.index}`);
    pair.masterFlags = flags;
    return pair;
  }

  /** Null when the master is not in the images. */
  pair(index: number): Pair | null {
    const pair = this.pairs.get(index);
    return pair && pair.masterFlags !== null ? pair : null;
  }

  pairOf(info: TtyInfoEntry, path = PTMX): Pair {
    const { index } = info.pty!;
    const pair = this.pairs.get(index) ?? { index, path, masterFlags: null, sid: 0, pgrp: 0, fd: null, taken: false };
    this.pairs.set(index, pair);
    if (info.sid !== 0) Object.assign(pair, { sid: info.sid, pgrp: info.pgrp });
    return pair;
  }

  /** The master, made with all that belongs to the terminal. */
  master(pair: Pair): number {
    if (pair.fd !== null) return pair.fd;
    const { calls } = this.context.run;
    const fd = openMaster(this.context, pair.path, pair.index, pair.masterFlags ?? O.rdwr);
    pair.fd = fd;
    calls.must({ why: 'unlock a terminal' }, 'ioctl', fd, TIO.sptlck, calls.scratch.setU32(0, 0));
    for (const id of [infoId(pair.index, true), infoId(pair.index, false)]) {
      const info = this.infos.get(id);
      if (info) applySettings(calls, fd, info);
    }
    this.controlling(pair, fd);
    return fd;
  }

  slave(master: number, flags: number): number {
    return this.context.run.calls.must({ why: 'open a terminal' }, 'ioctl', master, TIO.gptpeer, reopenFlags(flags) | O.cloexec);
  }

  /** The session leader takes it right after setsid, so that its children inherit it; the foreground group is set when all groups exist. */
  private controlling({ sid, pgrp }: Pair, master: number): void {
    const { run, earlyIn, lateIn, share } = this.context;
    if (!run.tasks.some((task) => task.kind === 'live' && task.pid === sid && task.sid === sid)) return;
    const handle = share(this.slave(master, O.rdwr));
    earlyIn(sid, (p) => p.sys.ioctl(run.service.number(handle), TIO.sctty, 0).must('take the controlling terminal'));
    if (pgrp > 0)
      lateIn(sid, (p) => {
        p.sys.ioctl(run.service.number(handle), TIO.spgrp, p.out(8).setU32(0, pgrp)).must(`make process group ${pgrp} the foreground`);
      });
  }

  /** What may only be set when everybody has opened the terminal. */
  finish(pair: Pair, info: TtyInfoEntry): void {
    const { calls } = this.context.run;
    const fd = this.master(pair);
    if (info.packet_mode) calls.must({ why: 'set packet mode' }, 'ioctl', fd, TIO.pkt, calls.scratch.setU32(0, 1));
    if (info.exclusive) calls.must({ why: 'make a terminal exclusive' }, 'ioctl', fd, TIO.excl, 0);
    if (info.locked) calls.must({ why: 'lock a terminal' }, 'ioctl', fd, TIO.sptlck, calls.scratch.setU32(0, 1));
  }

  private closeLeft(): void {
    for (const pair of this.pairs.values()) if (pair.fd !== null && !pair.taken) closeSync(pair.fd);
    this.pairs.clear();
  }
}

function readMaster(
  entry: TtyFileEntry,
  info: TtyInfoEntry,
  path: string,
  ttys: Ttys,
  context: RestoreContext,
): Pick<Description, 'what' | 'open'> {
  const pair = ttys.addMaster(info, path, entry.flags);
  return {
    what: `the master of pty ${pair.index}`,
    open() {
      const fd = ttys.master(pair);
      pair.taken = true;
      context.afterOpen(() => ttys.finish(pair, info));
      return fd;
    },
  };
}

function readSlave(
  entry: TtyFileEntry,
  info: TtyInfoEntry,
  ttys: Ttys,
  context: RestoreContext,
): Pick<Description, 'what' | 'open' | 'late'> {
  const own = ttys.pairOf(info);
  const what = `the terminal /dev/pts/${own.index}`;
  const { shellJob } = context.run.options;
  let shared = false;
  context.afterRead(() => {
    if (ttys.pair(own.index) || !info.termios) return;
    if (!shellJob)
      throw new CrError('CR_IMAGE_FEATURE', {
        message: `${what} belonged to a shell outside of the tree`,
        hint: 'Restore with --shell-job from a terminal that takes its place.',
        target: 'not started',
      });
    if (ownTerminal() === null)
      throw new CrError('CR_RESTORE', {
        message: `${what} is to be replaced by our terminal, and there is none`,
        hint: 'Start the restore with a terminal as standard input.',
        target: 'not started',
      });
    shared = true;
  });
  return {
    what,
    open() {
      if (shared) return openSync(`/proc/self/fd/${ownTerminal()!}`, reopenFlags(entry.flags));
      // Without a master in the images the other end was closed: so is ours, after all opens.
      return ttys.slave(ttys.master(own), entry.flags);
    },
    late(p, { fd }) {
      if (shared) emitOwnTerminal(p, fd, info, context);
    },
  };
}

function ownTerminal(): number | null {
  return [0, 1, 2].find((fd) => isatty(fd)) ?? null;
}

/** By a task, whose signals are blocked: in the background we would be stopped by SIGTTOU (tty_check_change). */
function emitOwnTerminal(p: Program, fd: number, info: TtyInfoEntry, { run }: RestoreContext): void {
  const root = run.tasks[0]!;
  if (info.termios) p.sys.ioctl(fd, TIO.sets, p.data(termiosBytes(info.termios))).must('set our terminal up as that of the tree was');
  if (root.sid !== root.pid && root.pgid === root.pid)
    p.sys
      .ioctl(fd, TIO.spgrp, p.out(8).setU32(0, root.pgid))
      .ignore('another session may have the terminal: then the job is in the background');
}

export const tty: FileKind = {
  name: 'tty',
  type: FD_TYPES.TTY,
  claims: (file) => deviceOf(file) !== null,
  refuse,
  dump,
  read({ id, tty: file }, context) {
    const entry = file!;
    const ttys = context.state('ttys', () => new Ttys(context));
    const info = ttys.info(entry.tty_info_id);
    const path = entry.regf_id === undefined ? PTMX : (context.entry(entry.regf_id, `terminal ${id} has its path there`).reg?.name ?? PTMX);
    checkName(path);
    const base = { id, flags: entry.flags, fown: entry.fown };
    if (info.type === TTY_TYPE.pty)
      return {
        ...base,
        ...((info.id & 1) === 1
          ? readMaster(entry, info, path.endsWith('ptmx') ? path : PTMX, ttys, context)
          : readSlave(entry, info, ttys, context)),
      };
    if (info.type === TTY_TYPE.ctty) {
      const flags = reopenFlags(entry.flags);
      return { ...base, what: '/dev/tty', open: () => null, openInside: (p) => p.sys.openat(AT_FDCWD, p.cstr('/dev/tty'), flags, 0) };
    }
    return { ...base, what: path, open: () => openSync(encodeText(path), reopenFlags(entry.flags)) };
  },
};

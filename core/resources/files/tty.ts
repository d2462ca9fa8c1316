/**
 * Terminals. A pty whose master is in the tree is made anew under its old number; a terminal of a shell outside (--shell-job) is replaced by the one
 * that the restore is started from; /dev/tty is opened by the task itself, when it has its controlling terminal.
 */
import { closeSync, fchmodSync, fchownSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import type { TtyFileEntry, TtyInfoEntry } from '../../images/generated/tty.js';
import { encodeText } from '../../kernel/procfs/text.js';
import { isTerminal } from '../../terminal.js';
import { readFdInfo } from '../../kernel/procfs/fdinfo.js';
import { readStat } from '../../kernel/procfs/stat.js';
import type { Program } from '../../program/program.js';
import type { Description, DumpContext, FileKind, OpenFile, PreflightContext, RestoreContext, SeenFile } from './kind.js';
import { fileType, S } from './kind.js';
import { checkName } from './names.js';
import { F, reopenFlags } from './open-flags.js';
import { isHungUp, peekTtyData } from './tty-data.js';
import { PTMX, Ttys } from './tty-pairs.js';
import { infoId, PTY_MAX, readSettings, termiosBytes, TIO, TTY_TYPE, ttyDevice, ttyNumber, type TtyDevice } from './tty-info.js';

const AT_FDCWD = -100;
const MODE_BITS = 0o7777;
const DELETED = ' (deleted)';

const deviceOf = (file: SeenFile) => (fileType(file.stat.mode) === S.chr ? ttyDevice(file.stat.rdev) : null);

/** Index of the terminal that a process has as its controlling one, or -1 when that is no pty. */
function ownIndex(context: PreflightContext, pid: number): number {
  const number = readStat(context.proc, pid)?.ttyNr ?? 0;
  for (let index = 0; number !== 0 && index <= PTY_MAX; index++) if (ttyNumber(index) === number) return index;
  return -1;
}

/** The number of a master is not in its name. */
function masterProblem(file: SeenFile, context: PreflightContext): string | null {
  const { pid, fd, link } = file;
  const index = fd === null ? null : (readFdInfo(context.proc, pid, fd)?.ttyIndex ?? null);
  if (index === null) return null;
  return index > PTY_MAX
    ? `is ${link}, the master of pty ${index}; only ptys up to ${PTY_MAX} can be dumped: end what holds the lower ones, and start it again`
    : twinProblem(file, index, devptsOf(file), context);
}

/** A master opened by /dev/ptmx belongs to the devpts on `pts` beside it (devpts_mntget in fs/devpts/inode.c), others to the one that they lie on. */
function devptsOf({ link, stat }: SeenFile): bigint {
  const beside = join(dirname(link), 'pts');
  return statSync(encodeText(beside), { bigint: true, throwIfNoEntry: false })?.dev ?? stat.dev;
}

/** Images know a pty by its number. */
function twinProblem(file: SeenFile, index: number, devpts: bigint, context: PreflightContext): string | null {
  const twin = context.otherPty(file, index, devpts);
  return (
    twin &&
    `is ${file.link}, and fd ${twin.fd} of pid ${twin.pid} is another pty with the number ${index}, in another devpts; images know them by number: close one`
  );
}

function refuse(file: SeenFile, context: PreflightContext): string | null {
  const device = deviceOf(file)!;
  if (device.master) return masterProblem(file, context);
  const twin = device.type === TTY_TYPE.pty ? twinProblem(file, device.index, file.stat.dev, context) : null;
  if (twin !== null) return twin;
  if (context.options.shellJob || file.link.endsWith(DELETED)) return null;
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
  if (device.master) dumpDataLater(file, index, context);
}

/** When all descriptors were seen: then it is known whether the slave is in the tree too. Data for a slave outside of it is not ours. */
function dumpDataLater(file: OpenFile, index: number, { calls, run, state, later }: DumpContext): void {
  const master = calls.must({ why: 'copy a descriptor' }, 'fcntl', file.local, F.dupfdCloexec, 0);
  later(() => {
    try {
      if (!state('ttys', () => new Set<number>()).has(infoId(index, false)) && !isHungUp(calls, master)) return;
      const { input, output } = peekTtyData(calls, master);
      if (input.length > 0) run.images.add('tty-data', undefined, { tty_id: infoId(index, false), data: input });
      if (output.length > 0) run.images.add('tty-data', undefined, { tty_id: infoId(index, true), data: output });
    } finally {
      closeSync(master);
    }
  });
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
  mode: number | undefined,
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
      const fd = ttys.slave(ttys.master(own), entry.flags);
      // As grantpt(3) left it, or login(1).
      if (info.uid !== undefined && info.gid !== undefined) fchownSync(fd, info.uid, info.gid);
      if (mode !== undefined) fchmodSync(fd, mode & MODE_BITS);
      return fd;
    },
    late(p, { fd }) {
      if (shared) emitOwnTerminal(p, fd, info, context);
    },
  };
}

function ownTerminal(): number | null {
  return [0, 1, 2].find(isTerminal) ?? null;
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
  field: 'tty',
  claims: (file) => deviceOf(file) !== null,
  refuse,
  dump,
  read({ id, tty: file }, context) {
    const entry = file!;
    const ttys = context.state('ttys', () => new Ttys(context));
    const info = ttys.info(entry.tty_info_id);
    const reg = entry.regf_id === undefined ? undefined : context.entry(entry.regf_id, `terminal ${id} has its path there`).reg;
    const path = reg?.name ?? PTMX;
    checkName(path);
    const base = { id, flags: entry.flags, fown: entry.fown };
    if (info.type === TTY_TYPE.pty)
      return {
        ...base,
        ...((info.id & 1) === 1
          ? readMaster(entry, info, path.endsWith('ptmx') ? path : PTMX, ttys, context)
          : readSlave(entry, info, reg?.mode, ttys, context)),
      };
    if (info.type === TTY_TYPE.ctty) {
      const flags = reopenFlags(entry.flags);
      return { ...base, what: '/dev/tty', open: () => null, openInside: (p) => p.sys.openat(AT_FDCWD, p.cstr('/dev/tty'), flags, 0) };
    }
    return { ...base, what: path, open: () => openSync(encodeText(path), reopenFlags(entry.flags)) };
  },
};

/** Ptys that are made anew at a restore: each under its old number, with its settings, its data and its session. */
import { closeSync, openSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { TermiosEntry, TtyInfoEntry } from '../../images/generated/tty.js';
import { encodeText } from '../../kernel/procfs/text.js';
import type { RestoreContext } from './kind.js';
import { F, O, reopenFlags, SETTABLE } from './open-flags.js';
import { openPeer, putTtyData, TTY_DATA_MAX } from './tty-data.js';
import { applySettings, infoId, PTY_MAX, TIO, TTY_TYPE } from './tty-info.js';

export const PTMX = '/dev/ptmx';

/** How long a pty that somebody else has is waited for: restores beside this one take all numbers up to their own, for a moment. */
const PATIENCE_MS = 1000;
const STEP_MS = 5;

/** Opens ptys until the wanted number comes: the kernel gives the lowest that is free. @returns null when a higher number came */
function tryMaster(context: RestoreContext, path: string, index: number | null, flags: number): number | null {
  const { calls } = context.run;
  const others: number[] = [];
  try {
    for (;;) {
      const fd = openSync(encodeText(path), (flags & ~(O.excl | O.creat | O.trunc)) | O.noctty);
      others.push(fd);
      calls.must({ why: 'read the number of a terminal' }, 'ioctl', fd, TIO.gptn, calls.scratch);
      const got = calls.scratch.u32(0);
      if (got === index || index === null) return others.pop()!;
      if (got > index) return null;
    }
  } finally {
    for (const fd of others) closeSync(fd);
  }
}

function openMaster(context: RestoreContext, path: string, index: number | null, flags: number): number {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited <= PATIENCE_MS; waited += STEP_MS) {
    const fd = tryMaster(context, path, index, flags);
    if (fd !== null) return fd;
    Atomics.wait(pause, 0, 0, STEP_MS);
  }
  throw new CrError('CR_RESTORE', {
    message: `pty ${index} is in use`,
    subject: { path: `/dev/pts/${index}` },
    hint: 'Close the terminal that has this number, or restore where /dev/pts is empty.',
    target: 'not started',
  });
}

/** A pty to be. */
export interface Pair {
  readonly index: number;
  readonly path: string;
  masterFlags: number | null;
  sid: number;
  pgrp: number;
  fd: number | null;
  taken: boolean;
}

/** The terminals of one restore. */
export class Ttys {
  private readonly infos = new Map<number, TtyInfoEntry>();
  private readonly pairs = new Map<number, Pair>();
  private readonly data = new Map<number, Buffer>();
  /** Slaves that keep data alive until those of the tree are open. */
  private readonly peers: number[] = [];

  constructor(private readonly context: RestoreContext) {
    const { images } = context.run;
    for (const info of images.exists('tty-info') ? images.readAll('tty-info') : []) {
      if (this.infos.has(info.id)) throw this.bad(`has terminal ${info.id} twice`);
      if (info.type === TTY_TYPE.pty && (!info.pty || info.pty.index > PTY_MAX)) throw this.bad(`has terminal ${info.id} without a number`);
      this.infos.set(info.id, info);
    }
    for (const { tty_id, data } of images.exists('tty-data') ? images.readAll('tty-data') : []) {
      if (!this.infos.has(tty_id) || this.data.has(tty_id) || data.length > TTY_DATA_MAX)
        throw this.bad(`has impossible data of terminal ${tty_id}`, 'tty-data.img');
      this.data.set(tty_id, Buffer.from(data));
    }
    context.afterOpen(() => this.closeLeft());
    context.onUndo(() => this.closeLeft());
  }

  private bad(message: string, file = 'tty-info.img'): CrError {
    return new CrError('CR_IMAGE_BAD', {
      message,
      subject: { path: this.context.run.images.pathOf(file) },
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
    const infos = [infoId(pair.index, true), infoId(pair.index, false)].flatMap((id) => this.infos.get(id) ?? []);
    this.fill(pair, fd, infos.find((info) => info.termios)?.termios);
    for (const info of infos) applySettings(calls, fd, info);
    this.controlling(pair, fd);
    return fd;
  }

  /** Before the settings, which would change the data. */
  private fill(pair: Pair, master: number, termios: TermiosEntry | undefined): void {
    const [input, output] = [this.data.get(infoId(pair.index, false)), this.data.get(infoId(pair.index, true))];
    if (!termios || (!input && !output)) return;
    const { calls } = this.context.run;
    const slave = openPeer(calls, master);
    this.peers.push(slave);
    // Images may have more than a terminal takes: that is an error, not a restore that waits for ever.
    calls.must({ why: 'set the flags of a terminal' }, 'fcntl', master, F.setfl, O.nonblock);
    putTtyData(calls, { master, slave }, { input: input ?? Buffer.alloc(0), output: output ?? Buffer.alloc(0) }, termios);
    calls.must({ why: 'set the flags of a terminal' }, 'fcntl', master, F.setfl, (pair.masterFlags ?? 0) & SETTABLE);
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
    for (const fd of this.peers.splice(0)) closeSync(fd);
    this.pairs.clear();
  }
}

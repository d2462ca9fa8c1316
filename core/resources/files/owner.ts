/** Owner and signal of a description (F_SETOWN_EX, F_SETSIG, O_ASYNC; fcntl(2)). */
import { CrError } from '../../errors.js';
import type { FownEntry } from '../../images/generated/common.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { Program } from '../../program/program.js';
import { F, O, SETTABLE } from './open-flags.js';

export const NO_OWNER: FownEntry = { uid: 0, euid: 0, signum: 0, pid_type: 0, pid: 0 };

/** F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP. */
const OWNER_TYPES = 2;
/** _NSIG (signal(7)). */
const SIGNALS = 64;

/** Reads it through our copy of the description. A description without a file behind it (O_PATH) has none. */
export function readOwner(calls: LocalCalls, fd: number, flags: number): FownEntry {
  if ((flags & O.path) !== 0) return NO_OWNER;
  const signum = calls.must({ why: 'read the signal of a descriptor' }, 'fcntl', fd, F.getsig);
  const { scratch } = calls;
  const owner = scratch.as('f_owner_ex');
  calls.must({ why: 'read the owner of a descriptor' }, 'fcntl', fd, F.getownEx, owner);
  const [type, pid] = [owner.get('type'), owner.get('pid')];
  // An owner that has ended reads as 0.
  if (pid === 0) return { ...NO_OWNER, signum };
  calls.must({ why: 'read the credentials of an owner' }, 'fcntl', fd, F.getownerUids, scratch);
  return { uid: scratch.u32(0), euid: scratch.u32(4), signum, pid_type: type, pid };
}

/** Throws CR_IMAGE_BAD. */
export function checkOwner(fown: FownEntry, id: number): void {
  if (fown.pid_type > OWNER_TYPES || fown.signum > SIGNALS)
    throw new CrError('CR_IMAGE_BAD', {
      message: `file ${id} has an impossible owner`,
      subject: { path: 'files.img' },
      target: 'not started',
    });
}

/** Ops for one task. The kernel remembers the ids of whoever sets the owner: they are taken for the moment of the call, saved id 0 gives them back. */
export function emitOwner(p: Program, fd: number, fown: FownEntry, flags: number): void {
  if (fown.signum !== 0) p.sys.fcntl(fd, F.setsig, fown.signum).must('set the signal of a descriptor');
  if (fown.pid !== 0) {
    const foreign = fown.uid !== 0 || fown.euid !== 0;
    if (foreign) p.sys.setresuid(fown.uid, fown.euid, 0).must('become the one who set an owner');
    const owner = p.struct('f_owner_ex', { type: fown.pid_type, pid: fown.pid });
    p.sys.fcntl(fd, F.setownEx, owner).tolerate('ESRCH', 'an owner outside of the tree that has ended gets no signals any more');
    if (foreign) p.sys.setresuid(0, 0, 0).must('be root again');
  }
  if ((flags & O.async) !== 0) p.sys.fcntl(fd, F.setfl, flags & (SETTABLE | O.async)).must('switch on signals for a descriptor');
}

/** eventfd(2): counter, semaphore mode, flags. */
import { closeSync, writeSync } from 'node:fs';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { F, O, SETTABLE } from './open-flags.js';
import type { FileKind } from './kind.js';

const U32_MAX = 0xffff_ffffn;
const U64_MAX = 0xffff_ffff_ffff_ffffn;
const EFD_SEMAPHORE = 1;

/**
 * An eventfd is always O_RDWR, so bit 0 of its flags is free: we store EFD_SEMAPHORE there. F_SETFL ignores access mode bits, so CRIU reads it as
 * an ordinary eventfd (it does not store that mode).
 */
const isSemaphore = (flags: number) => (flags & O.accmode) === (O.rdwr | EFD_SEMAPHORE);

export const eventfd: FileKind = {
  name: 'eventfd',
  type: FD_TYPES.EVENTFD,
  field: 'efd',
  claims: (file) => file.link === 'anon_inode:[eventfd]',
  dump(file, id, { add }) {
    const { count, semaphore } = file.info!.eventfd!;
    const flags = file.flags | (semaphore === true ? EFD_SEMAPHORE : 0);
    add({ type: FD_TYPES.EVENTFD, id, efd: { id, flags, fown: file.fown, counter: count } });
  },
  read({ id, efd }, { run }) {
    const { flags, counter, fown } = efd!;
    if (counter === U64_MAX)
      throw new CrError('CR_IMAGE_BAD', { message: `eventfd ${id} has an impossible counter`, target: 'not started' });
    return {
      id,
      what: 'an eventfd',
      flags,
      fown,
      open() {
        const first = counter > U32_MAX ? U32_MAX : counter;
        const fd = run.calls.must({ why: 'create an eventfd' }, 'eventfd2', first, O.cloexec | (isSemaphore(flags) ? EFD_SEMAPHORE : 0));
        try {
          // eventfd2 takes 32 bits; a write adds the rest.
          if (counter > U32_MAX) writeSync(fd, new BigUint64Array([counter - U32_MAX]));
          run.calls.must({ why: 'set the flags of an eventfd' }, 'fcntl', fd, F.setfl, flags & SETTABLE);
          return fd;
        } catch (error) {
          closeSync(fd);
          throw error;
        }
      },
    };
  },
};

/** signalfd(2): the set of signals. */
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { O } from './open-flags.js';
import type { FileKind } from './kind.js';

const SIGSET_SIZE = 8;

export const signalfd: FileKind = {
  name: 'signalfd',
  type: FD_TYPES.SIGNALFD,
  field: 'sgfd',
  claims: (file) => file.link === 'anon_inode:[signalfd]',
  dump(file, id, { add }) {
    add({ type: FD_TYPES.SIGNALFD, id, sgfd: { id, flags: file.flags, fown: file.fown, sigmask: file.info!.signalMask! } });
  },
  read({ id, sgfd }, { run }) {
    const { flags, sigmask, fown } = sgfd!;
    return {
      id,
      what: 'a signalfd',
      flags,
      fown,
      open() {
        const mask = run.calls.scratch.setU64(0, sigmask);
        return run.calls.must({ why: 'create a signalfd' }, 'signalfd4', -1, mask, SIGSET_SIZE, O.cloexec | (flags & O.nonblock));
      },
    };
  },
};

/** The image folder of a dump, looked at while the tree still runs. */
import { accessSync, constants, statSync } from 'node:fs';
import { CrError } from '../errors.js';

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is not a folder',
  EACCES: 'may not be written',
  EROFS: 'is on a read-only file system',
};

/** As in CRIU the folder must be there already: a mistyped name must not become a new folder. @throws CrError CR_IMAGE_DIR */
export function checkImageFolder(dir: string): void {
  let call = `stat("${dir}")`;
  let errno = 'ENOTDIR';
  try {
    if (statSync(dir).isDirectory()) {
      call = `access("${dir}", W_OK|X_OK)`;
      accessSync(dir, constants.W_OK | constants.X_OK);
      return;
    }
  } catch (error) {
    errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
  throw new CrError('CR_IMAGE_DIR', {
    message: `the image folder ${WHY[errno] ?? 'cannot be used'}`,
    subject: { path: dir },
    kernel: { call, errno },
    hint:
      errno === 'ENOENT'
        ? `Make it first (mkdir -p ${dir}), or name another one with --images-dir (-D).`
        : 'Name another one with --images-dir (-D).',
    target: 'running',
  });
}

/** On which mount a path lies, for paths as /proc shows them: absolute, without symbolic links, and by our own mount namespace and root. */
import { type MountInfo, readMountInfo } from '../../kernel/procfs/mountinfo.js';
import type { ProcReader } from '../../kernel/procfs/reader.js';

export class Mounts {
  private list: readonly MountInfo[] | null = null;

  constructor(private readonly proc: ProcReader) {}

  /** Read when first asked for. Throws CR_KERNEL. */
  private get all(): readonly MountInfo[] {
    this.list ??= readMountInfo(this.proc, process.pid) ?? [];
    return this.list;
  }

  /** Null when our root is no mount point (chroot(2)) and nothing is mounted on the way. */
  of(path: string): MountInfo | null {
    return mountOf(this.all, path);
  }

  byId(id: number): MountInfo | null {
    return this.all.find((mount) => mount.id === id) ?? null;
  }
}

/** The deepest mount point on the way; of several mounts at one point the last, which covers the others. */
export function mountOf(mounts: readonly MountInfo[], path: string): MountInfo | null {
  let found: MountInfo | null = null;
  for (const mount of mounts)
    if (isBelow(path, mount.mountPoint) && (found === null || mount.mountPoint.length >= found.mountPoint.length)) found = mount;
  return found;
}

function isBelow(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}

/** Whether an option such as `ro` or `noexec` is set for the mount. */
export function hasOption({ options }: Pick<MountInfo, 'options'>, option: string): boolean {
  return options.split(',').includes(option);
}

/** Whether nobody can write to the file system, whatever the mount says. ext4 that has met an error says so by a word of its own (Linux 6.15). */
export function isReadOnlyFs({ superOptions }: Pick<MountInfo, 'superOptions'>): boolean {
  return superOptions
    .trim()
    .split(',')
    .some((option) => option === 'ro' || option === 'emergency_ro');
}

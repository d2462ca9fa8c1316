/**
 * The freezer of a cgroup (--freeze-cgroup): while it is on, nothing in the cgroup forks or ends, so that one look at the tree is exact. It is on only
 * until every thread has been told to stop for its tracer; version 1 does not let a task reach that stop earlier.
 * cgroups(7); Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/freezer-subsystem.rst.
 */
import { nowMs } from '../clock.js';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../errors.js';

interface Version {
  readonly control: string;
  readonly freeze: string;
  readonly thaw: string;
  /** File and line that say that every task stands. */
  readonly state: string;
  readonly frozen: RegExp;
}

const VERSIONS: readonly Version[] = [
  { control: 'cgroup.freeze', freeze: '1', thaw: '0', state: 'cgroup.events', frozen: /^frozen 1$/m },
  { control: 'freezer.state', freeze: 'FROZEN', thaw: 'THAWED', state: 'freezer.state', frozen: /^FROZEN$/m },
];

const POLL_MS = 1;
const DEFAULT_LIMIT_MS = 10_000;

export class CgroupFreezer {
  private readonly version: Version;
  /** The cgroup was frozen before we came: it is again when its tasks go on. */
  readonly wasFrozen: boolean;
  private on = false;

  /** @throws CrError CR_USAGE when `dir` is no cgroup with a freezer */
  constructor(private readonly dir: string) {
    const version = VERSIONS.find(({ control }) => existsSync(join(dir, control)));
    if (version === undefined) {
      throw new CrError('CR_USAGE', {
        message: 'is no cgroup that can be frozen: it has neither cgroup.freeze nor freezer.state',
        subject: { path: dir },
        hint: 'Give --freeze-cgroup the folder of the cgroup, such as /sys/fs/cgroup/NAME.',
        target: 'running',
      });
    }
    this.version = version;
    this.wasFrozen = this.isFrozen();
  }

  /** Freezes and waits. @throws CrError CR_FREEZE when a task does not stand within `limitMs` (0: 10 s); the cgroup is thawed then */
  freeze(limitMs: number): void {
    this.write(this.version.freeze);
    this.on = true;
    const deadline = nowMs() + (limitMs > 0 ? limitMs : DEFAULT_LIMIT_MS);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (!this.isFrozen()) {
      if (nowMs() > deadline) {
        this.thaw();
        throw new CrError('CR_FREEZE', { message: 'the cgroup did not freeze in time', subject: { path: this.dir }, target: 'running' });
      }
      // Version 1 tries again at every write, for tasks that were in uninterruptible sleep.
      if (this.version.control === this.version.state) this.write(this.version.freeze);
      Atomics.wait(pause, 0, 0, POLL_MS);
    }
  }

  /** Lets the tasks go on, or reach their tracer. Also for a cgroup that somebody else had frozen. */
  thaw(): void {
    if (!this.on) return;
    this.write(this.version.thaw);
    this.on = false;
  }

  /** Before the tasks go on: they stay where their cgroup had them. */
  restore(): void {
    if (this.wasFrozen) this.write(this.version.freeze);
  }

  private isFrozen(): boolean {
    return this.version.frozen.test(readFileSync(join(this.dir, this.version.state), 'utf8'));
  }

  private write(text: string): void {
    const path = join(this.dir, this.version.control);
    try {
      writeFileSync(path, text);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
      throw new CrError('CR_FREEZE', {
        message: 'the freezer of the cgroup cannot be used',
        subject: { path },
        kernel: { call: `write("${path}", "${text}")`, errno },
        hint: 'The freezer must be writable and no ancestor may be frozen by somebody else.',
        target: 'running',
        cause: error,
      });
    }
  }
}

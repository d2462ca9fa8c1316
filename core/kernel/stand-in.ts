/** A process that has a certain pid and does nothing: while it lives, /proc/PID is there. It dies with us. */
import { errnoName } from '../abi/errno.js';
import { WALL } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import { Program } from '../program/program.js';
import type { KernelThread } from './kernel-thread.js';
import { readStat } from './procfs/stat.js';
import { waitForState } from './wait-state.js';

const SIG_SETMASK = 2;
const SIGKILL = 9;
const PR_SET_PDEATHSIG = 1;
const ALL_SIGNALS = 0xffff_ffff_ffff_ffffn;
/** Longer than any restore: 30 years. */
const SECONDS = 1_000_000_000n;

export class StandIn {
  private alive = true;

  /** Throws CR_PID_TAKEN, CR_RESTORE. */
  constructor(
    private readonly thread: KernelThread,
    readonly pid: number,
  ) {
    const { value, free } = thread.once('stand-in', 16384, (p) => {
      const idle = new Program('stand-in.idle', p.arena);
      idle.sys.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0).must('die with the thread that made us');
      idle.sys.rt_sigprocmask(SIG_SETMASK, idle.out(8).setU64(0, ALL_SIGNALS), 0, 8).must('block signals');
      // A copy of our pipes and locks would keep them alive.
      idle.sys.close_range(0, 0xffff_ffff, 0).must('close what was ours');
      idle.sys.nanosleep(idle.struct('timespec', { tv_sec: SECONDS }), 0).ignore('it is killed before that is over');
      idle.sys.exit_group(0).ignore('does not return');
      const args = p.struct('clone_args', { set_tid: p.out(8).setU64(0, pid).addr, set_tid_size: 1 });
      return p.spawnProgram(args, idle.end().address).ignore('checked below');
    });
    const { result } = value;
    free();
    if (result < 0) throw this.cannotBe(errnoName(-result));
    // It sleeps when it has done all the rest: until then it would not notice that its parent dies.
    if (!waitForState(thread.proc, pid, ['S'])) throw this.cannotBe('ESRCH');
  }

  private cannotBe(errno: string): CrError {
    const holder = readStat(this.thread.proc, this.pid);
    return new CrError(errno === 'EEXIST' ? 'CR_PID_TAKEN' : 'CR_RESTORE', {
      message: holder
        ? `is in use by process ${holder.pid} (${holder.comm}); it is needed for files of a process that has ended`
        : 'a process cannot get it for a moment, which is needed for files of a process that has ended',
      subject: { pid: this.pid },
      kernel: { call: `clone3({set_tid: [${this.pid}]})`, errno },
      target: 'not started',
    });
  }

  /** Ends and reaps it: /proc/PID is gone. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    const { free } = this.thread.once('stand-in.end', 4096, (p) => {
      p.sys.kill(this.pid, SIGKILL).must('end a process of ours');
      p.sys.wait4(this.pid, 0, WALL, 0).must('reap it');
    });
    free();
  }
}

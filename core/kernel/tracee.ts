/** A thread that we hold by ptrace, and a process of such threads. */
import type { Registers } from '../arch/arch.js';

export class Tracee {
  /** Last wait status. */
  status = 0;
  /** Registers at the freeze, exactly as the kernel gave them. */
  registers: Registers | null = null;
  /** The rest of its state at the freeze, in the order of Arch.extended. */
  extended: readonly Buffer[] | null = null;
  /** The real signal mask at the freeze (not SigBlk, which may be the temporary one of sigsuspend). */
  mask = 0n;
  /** An unblocked signal was pending at the freeze. */
  signalPending = false;

  constructor(
    readonly pid: number,
    readonly tid: number,
  ) {}

  /** PTRACE_EVENT_STOP of a job-control stop (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU). */
  get inGroupStop(): boolean {
    return this.status >> 16 === 128 && this.stopSignal !== 5;
  }

  /** Signal of the stop. */
  get stopSignal(): number {
    return (this.status >> 8) & 0xff;
  }
}

export class TracedProcess {
  readonly threads: Tracee[] = [];
  /** Pids of its children, zombies included, when all its threads stood. */
  children: readonly number[] = [];
  constructor(readonly pid: number) {}

  /** The thread that acts for the process: the leader, or another one when the leader is dead. */
  get main(): Tracee {
    const leader = this.threads.find((t) => t.tid === this.pid);
    const any = leader ?? this.threads[0];
    if (!any) throw new RangeError(`process ${this.pid} has no threads`);
    return any;
  }
}

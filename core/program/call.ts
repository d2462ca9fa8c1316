/** One call of a program as the code that states it sees it: arguments, failure policy, result. */
import { errnoNumber } from '../abi/errno.js';
import type { StructName } from '../abi/structs.js';
import type { SYSCALLS, SyscallName, SyscallRow } from '../abi/syscalls.js';
import { arch } from '../arch/current.js';
import { OP, POLICY } from './isa.js';
import type { Program } from './program.js';
import type { Operand, Ptr, StructPtr } from './ptr.js';

export type Arg = number | bigint | Ptr | Operand | Call;

/** One cell. A system call must state its policy: must, tolerate, ignore. */
export class Call {
  constructor(
    private readonly program: Program,
    readonly index: number,
  ) {}

  /** Failure ends the program and is the caller's error. */
  must(why: string): this {
    return this.policy(POLICY.must, 0, why);
  }
  /** This one errno is fine, with the reason why it can be lived with. */
  tolerate(errno: string, why: string): this {
    return this.policy(POLICY.tolerate, errnoNumber(errno), why);
  }
  /** Any result is fine; the reason says why it cannot matter or who looks at it. */
  ignore(why: string): this {
    return this.policy(POLICY.ignore, 0, why);
  }
  /** The process that a failure is about, when it is not the one that runs the program. */
  about(pid: number): this {
    this.program.setSubject(this.index, pid);
    return this;
  }
  private policy(policy: number, aux: number, why: string): this {
    this.program.setPolicy(this.index, policy, aux, why);
    return this;
  }
  /** Result after the run; negative errno when it failed. */
  get result(): number {
    return this.program.resultOf(this.index);
  }
  get resultBig(): bigint {
    return this.program.resultBigOf(this.index);
  }
}

/** `value:itimerspec` in the table takes a pointer to that structure, an address, or what gives one when the program runs. */
type ArgOf<N> = N extends `${string}:${infer S extends StructName}` ? number | bigint | Operand | Call | StructPtr<S> : Arg;
type ArgsOf<R> = R extends SyscallRow<infer A> ? { [I in keyof A]: ArgOf<A[I]> } : never;
export type SyscallBuilders = { [N in SyscallName]: (...args: ArgsOf<(typeof SYSCALLS)[N]>) => Call };

class Builders {
  constructor(readonly program: Program) {}
}
for (const [name, nr] of Object.entries(arch.syscalls)) {
  Object.defineProperty(Builders.prototype, name, {
    value(this: Builders, ...args: Arg[]): Call {
      return this.program.emit(OP.syscall, nr, args, name);
    },
  });
}

/** A method for each row of the table. */
export function syscallBuilders(program: Program): SyscallBuilders {
  return new Builders(program) as unknown as SyscallBuilders;
}

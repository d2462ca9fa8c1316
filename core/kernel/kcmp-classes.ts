/** Which kernel objects are the same: kcmp(2) gives an order, so a sorted list is searched by halves. */
import { errnoName } from '../abi/errno.js';
import { CrError } from '../errors.js';
import type { LocalCalls } from './local.js';

/** include/uapi/linux/kcmp.h. */
export const KCMP = { file: 0, vm: 1, files: 2, fs: 3, sighand: 4 } as const;
const SAME = 0;
const LESS = 1;

interface Member<T> {
  readonly pid: number;
  readonly index: number;
  readonly value: T;
}

/** Classes of one kind of object, each with a value. `index` is a descriptor for files, and not looked at for the others. */
export class Classes<T> {
  private readonly sorted: Member<T>[] = [];

  constructor(
    private readonly calls: LocalCalls,
    private readonly type: (typeof KCMP)[keyof typeof KCMP],
  ) {}

  /** The value of the class, made by `make` for its first member. */
  of(pid: number, index: number, make: () => T): { readonly value: T; readonly isNew: boolean } {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.sorted[middle]!;
      const order = this.compare(pid, index, other);
      if (order === SAME) return { value: other.value, isNew: false };
      if (order === LESS) high = middle;
      else low = middle + 1;
    }
    const value = make();
    this.sorted.splice(low, 0, { pid, index, value });
    return { value, isNew: true };
  }

  private compare(pid: number, index: number, other: Member<T>): number {
    const order = this.calls.call('kcmp', pid, other.pid, this.type, index, other.index);
    if (order >= 0) return order;
    throw new CrError(errnoName(-order) === 'EPERM' ? 'CR_NO_PERMISSION' : 'CR_KERNEL', {
      message: 'cannot tell what processes share',
      subject: { pid },
      kernel: { call: `kcmp(${pid}, ${other.pid}, ${this.type}, ${index}, ${other.index})`, errno: errnoName(-order) },
      hint: 'The kernel needs CONFIG_KCMP, and the right to trace both processes.',
      target: 'running',
    });
  }
}

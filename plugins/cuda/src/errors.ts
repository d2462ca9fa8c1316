/** What a back end throws. The host adds plugin, hook and state of the tree. */
import { CUDA_OPERATING_SYSTEM, resultCode } from './result-codes.js';

/** Calls on a process, by the driver's word. */
export type CudaAction = 'find thread' | 'state' | 'lock' | 'checkpoint' | 'restore' | 'unlock';

/** One failure of CUDA. `message` is one line that names process, call and cause. */
export class CudaError extends Error {
  override readonly name: string = 'CudaError';
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { cause });
    this.hint = hint;
  }
}

/** A call on a process failed. */
export class CudaCallError extends CudaError {
  override readonly name: string = 'CudaCallError';

  /** `lost`: nobody knows what the call did to the process, and another one may hang or do harm. None may follow. */
  constructor(
    readonly pid: number,
    readonly action: CudaAction,
    /** CUresult; undefined when the back end does not tell it (the tool). */
    readonly code: number | undefined,
    what: string,
    hint: string,
    readonly lost: boolean,
  ) {
    super(`pid ${pid}: ${action}: ${what}`, hint);
  }
}

/** The driver answered something else than success. @param gone nothing has that pid any more, which r580 says like this too (hardware.md) */
export function callFailed(pid: number, action: CudaAction, code: number, gone = false): CudaCallError {
  if (gone)
    return new CudaCallError(pid, action, code, 'the process has ended', 'Look why it ended; nothing is left to give back to it.', false);
  const { name, meaning, hint } = resultCode(code);
  return new CudaCallError(pid, action, code, `${name} (${code}): ${meaning}`, hint, code === CUDA_OPERATING_SYSTEM);
}

/** The call did not end in time. It goes on in a process that is left alone, because ending it would put the channel to the target out of step. */
export function callHung(pid: number, action: CudaAction, ms: number, helper: number | undefined): CudaCallError {
  const where = helper === undefined ? 'its helper' : `its helper (pid ${helper})`;
  const hint = `The call was not interrupted: ${where} waits on, takes back what the call did when it ends, and then ends itself. Look why the process does not answer (stopped? a peer that is locked?).`;
  return new CudaCallError(pid, action, undefined, `no answer within ${ms} ms`, hint, true);
}

/** Several failures as one, each on a line of its own. @throws RangeError when there is none */
export function together(what: string, failures: readonly CudaError[]): CudaError {
  const [first] = failures;
  if (first === undefined) throw new RangeError('no failure to tell');
  const lines = failures.map(({ message }) => message);
  const hints = [...new Set(failures.map(({ hint }) => hint))];
  return new CudaError(`${what}: ${lines.join('; ')}`, hints.join(' '), first);
}

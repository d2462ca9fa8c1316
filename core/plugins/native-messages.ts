/** What the engine and the helper process of a native part send each other. */

/** Environment of the helper: what to load. */
export const HELPER_ENV = 'CRIU_TS_NATIVE_PART';

export interface HelperTask {
  readonly folder: string;
  readonly path: string;
  readonly abi: number;
}

export type ToHelper =
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly argument: unknown; readonly fds: readonly number[] }
  | { readonly type: 'close'; readonly id: number; readonly fd: number };

export type FromHelper =
  | { readonly type: 'ready'; readonly file: string; readonly names: readonly string[] }
  | { readonly type: 'refused'; readonly why: string }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly message: string; readonly errno?: number };

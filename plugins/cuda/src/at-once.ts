/** Work on several processes at once. */
import { CudaError } from './errors.js';

interface AtOnce {
  /** How many at a time. */
  readonly limit: number;
  /** After a failure: `stop` begins nothing more, `go on` does all. What has begun is always waited for. */
  readonly afterFailure: 'stop' | 'go on';
}

/** Failures in the order of the items. @throws what is no CudaError, when everything begun has ended */
export async function eachAtOnce<T>(
  items: readonly T[],
  { limit, afterFailure }: AtOnce,
  work: (item: T) => Promise<void>,
): Promise<CudaError[]> {
  const failures: Error[] = [];
  let next = 0;
  let failed = false;
  const worker = async () => {
    while (next < items.length && !(failed && afterFailure === 'stop')) {
      const at = next++;
      try {
        await work(items[at] as T);
      } catch (error) {
        failed = true;
        failures[at] = error instanceof Error ? error : new Error(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  const seen = failures.filter((error) => error !== undefined);
  const strange = seen.find((error) => !(error instanceof CudaError));
  if (strange !== undefined) throw strange;
  return seen.filter((error) => error instanceof CudaError);
}

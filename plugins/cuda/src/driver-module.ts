/** What the kernel module of the driver tells in /proc. */
import { readFileSync } from 'node:fs';

/** Root of what the NVIDIA module tells; `root` is for tests. */
export const NVIDIA_PROC = '/proc/driver/nvidia';

const MAX_TEXT = 64 * 1024;

/** A small text of /proc, or null when it cannot be read. */
export function readSmall(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT);
  } catch {
    // Not there, or not for us: the caller does without.
    return null;
  }
}

/** Version of the kernel module, such as 580.65.06; null when it is not loaded. */
export function moduleVersion(root = NVIDIA_PROC): string | null {
  const text = readSmall(`${root}/version`);
  return /\bKernel Module\b[^\d]*(?:for \S+\s+)?(\d+\.\d+(?:\.\d+)?)/.exec(text ?? '')?.[1] ?? null;
}

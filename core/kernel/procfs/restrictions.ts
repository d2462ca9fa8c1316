/** What /proc/PID/status says about restrictions of one thread, without reading the fifty other lines: a process may have thousands of threads. */
import { CrError } from '../../errors.js';
import type { ProcText } from './reader.js';
import type { Status } from './status.js';

/** Fields of Status. */
export type Restrictions = Pick<Status, 'seccomp' | 'x86ThreadFeatures'>;

const NEWLINE = 0x0a;

/** Throws CR_KERNEL when there is no line about seccomp. */
export function restrictionsOf(text: ProcText): Restrictions {
  const bytes = Buffer.from(text.bytes.buffer, text.bytes.byteOffset, text.bytes.length);
  const seccomp = valueOf(bytes, '\nSeccomp:');
  if (seccomp === null || !/^\d+$/.test(seccomp))
    throw new CrError('CR_KERNEL', { message: 'has no line Seccomp', subject: { path: text.path } });
  const features = valueOf(bytes, '\nx86_Thread_features:') ?? '';
  return { seccomp: Number(seccomp), x86ThreadFeatures: features.split(' ').filter((word) => word !== '') };
}

/** Text behind the key, null without such a line. */
function valueOf(bytes: Buffer, key: string): string | null {
  const at = bytes.indexOf(key, 0, 'latin1');
  if (at < 0) return null;
  const end = bytes.indexOf(NEWLINE, at + 1);
  return bytes.toString('latin1', at + key.length, end < 0 ? bytes.length : end).trim();
}

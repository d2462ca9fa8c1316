/** /proc/PID/cgroup: where a task is in each hierarchy (cgroups(7)). */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';
import { decodeText } from './text.js';

export interface CgroupMembership {
  /** 0 is the unified hierarchy (version 2). */
  readonly hierarchy: number;
  /** `cpu`, `cpuacct` ... or `name=systemd`; empty for version 2. */
  readonly controllers: readonly string[];
  /** Relative to the root of the reader's cgroup namespace (`/..` leads out of it). ` (deleted)` behind it means a removed cgroup of version 2. */
  readonly path: string;
}

const CGROUP_LIMIT = 1024 * 1024;
const COLON = 0x3a;

function membership(s: ByteScanner): CgroupMembership {
  const hierarchy = s.dec('a hierarchy number');
  s.byte(COLON);
  const eol = s.lineEnd();
  // Names of controllers hold no colon; the path may, and goes to the end of the line (a newline is not allowed in cgroup names).
  const colon = s.bytes.indexOf(COLON, s.pos);
  if (colon < 0 || colon > eol) s.fail('":" behind the controllers');
  const names = decodeText(s.bytes, s.pos, colon);
  s.pos = colon + 1;
  return { hierarchy, controllers: names === '' ? [] : names.split(','), path: s.restOfLine() };
}

/** Throws CR_KERNEL. */
export function parseCgroup(text: ProcText): CgroupMembership[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: CgroupMembership[] = [];
  while (!s.done) out.push(membership(s));
  return out;
}

/** Threads can differ from each other (version 1, and threaded domains of version 2). Null when the task is gone. */
export function readCgroup(reader: ProcReader, pid: number, tid?: number): CgroupMembership[] | null {
  const text = reader.read(`${taskDir(pid, tid)}/cgroup`, CGROUP_LIMIT, true);
  return text === null ? null : parseCgroup(text);
}

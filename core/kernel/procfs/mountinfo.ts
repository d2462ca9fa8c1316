/** /proc/PID/mountinfo: mounts of the task's mount namespace that lie below its root (proc_pid_mountinfo(5); fs/proc_namespace.c). */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';
import { decodeText, unescapeOctal } from './text.js';

export interface MountInfo {
  readonly id: number;
  /** Id of the mount it sits on; of itself, or of one outside, for the topmost. */
  readonly parent: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** What of the file system is the root of this mount: a path in it, or for nsfs a text like `net:[4026531833]`. */
  readonly root: string;
  /** Relative to the root of the task that was asked. */
  readonly mountPoint: string;
  /** Per mount: `rw,nosuid,relatime`. */
  readonly options: string;
  /** Propagation: `shared:2`, `master:1`, `propagate_from:1`, `unbindable`. */
  readonly optional: readonly string[];
  readonly fsType: string;
  /** '' when the file system gives none. */
  readonly source: string;
  /** Per super block, as the kernel escaped it: a comma or blank in a value is `\054`, `\040`, and splitting must come before unescaping. */
  readonly superOptions: string;
}

const MOUNTINFO_LIMIT = 256 * 1024 * 1024;
const OPTIONAL_MAX = 16;
const [SPACE, NEWLINE, COLON] = [0x20, 0x0a, 0x3a];

/** End of a field, which may be empty: some file systems give an empty source. */
function fieldEnd(s: ByteScanner): number {
  let at = s.pos;
  while (at < s.end && s.bytes[at] !== SPACE && s.bytes[at] !== NEWLINE) at++;
  return at;
}

function rawField(s: ByteScanner): string {
  const end = fieldEnd(s);
  const text = decodeText(s.bytes, s.pos, end);
  s.pos = end;
  return text;
}

function pathField(s: ByteScanner): string {
  const end = fieldEnd(s);
  const text = decodeText(unescapeOctal(s.bytes, s.pos, end));
  s.pos = end;
  return text;
}

function optionalFields(s: ByteScanner): string[] {
  const out: string[] = [];
  for (let field = rawField(s); field !== '-'; field = rawField(s)) {
    if (field === '' || out.length === OPTIONAL_MAX) s.fail('"-" behind the optional fields');
    out.push(field);
    s.byte(SPACE);
  }
  return out;
}

function mount(s: ByteScanner): MountInfo {
  const id = s.dec('a mount id');
  s.byte(SPACE);
  const parent = s.dec('the id of the parent mount');
  s.byte(SPACE);
  const devMajor = s.dec('a device number');
  s.byte(COLON);
  const devMinor = s.dec('a device number');
  s.byte(SPACE);
  const root = pathField(s);
  s.byte(SPACE);
  const mountPoint = pathField(s);
  s.byte(SPACE);
  const options = rawField(s);
  s.byte(SPACE);
  const optional = optionalFields(s);
  s.byte(SPACE);
  const fsType = pathField(s);
  s.byte(SPACE);
  const source = pathField(s);
  s.byte(SPACE);
  return { id, parent, devMajor, devMinor, root, mountPoint, options, optional, fsType, source, superOptions: s.restOfLine() };
}

/** All mounts, in the order of mounting within a tree. Throws CR_KERNEL. */
export function parseMountInfo(text: ProcText): MountInfo[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: MountInfo[] = [];
  while (!s.done) out.push(mount(s));
  return out;
}

/** Null when the task is gone (a zombie gives CR_KERNEL with EINVAL: it has no namespace any more). */
export function readMountInfo(reader: ProcReader, pid: number, tid?: number): MountInfo[] | null {
  const text = reader.read(`${taskDir(pid, tid)}/mountinfo`, MOUNTINFO_LIMIT);
  return text === null ? null : parseMountInfo(text);
}

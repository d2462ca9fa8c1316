/** /proc/PID/numa_maps: the NUMA policy of every mapping (numa_maps(7); fs/proc/task_mmu.c, show_numa_map). The kernel walks all pages for it, as for smaps. */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';

export interface MappingPolicy {
  /** First byte of the mapping; the file does not have its end. */
  readonly start: number;
  /** `default`, or mode, flags and nodes as in `bind=static:0-1`. That of the thread who is asked about, where the mapping has none of its own. */
  readonly policy: string;
}

/** What it tells about a thread without a policy. */
export const DEFAULT_POLICY = 'default';

const NUMA_MAPS_LIMIT = 256 * 1024 * 1024;
/** The only modes with a blank in their names (mm/mempolicy.c, policy_modes). */
const TWO_WORDS = ['prefer (many)', 'weighted interleave'];
const [SPACE, NEWLINE] = [0x20, 0x0a];

function policyText(s: ByteScanner): string {
  const name = TWO_WORDS.find((words) => s.tryWord(words)) ?? '';
  const bare = name !== '' && (s.peek() === SPACE || s.peek() === NEWLINE);
  return bare ? name : name + s.token('a memory policy');
}

/** In the order of the file, which is by address. [vsyscall] is not in it. Throws CR_KERNEL. */
export function parseNumaMaps(text: ProcText): MappingPolicy[] {
  const s = new ByteScanner(text.bytes, text.path);
  const out: MappingPolicy[] = [];
  while (!s.done) {
    const start = s.page('the start of a mapping');
    s.byte(SPACE);
    out.push({ start, policy: policyText(s) });
    // What is mapped and how many of its pages lie on which node.
    s.nextLine();
  }
  return out;
}

/** Null when the process is gone, and on a kernel without NUMA. */
export function readNumaMaps(reader: ProcReader, pid: number): MappingPolicy[] | null {
  const text = reader.read(`${taskDir(pid)}/numa_maps`, NUMA_MAPS_LIMIT);
  return text === null ? null : parseNumaMaps(text);
}

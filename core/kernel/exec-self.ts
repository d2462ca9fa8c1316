/** Executes the running program again, in this process: same pid, parent, words, environment and descriptors; all threads are new. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Program } from '../program/program.js';
import { localArena } from './kernel-thread.js';
import { LocalCalls } from './local.js';
import { loadNative } from './native.js';

const AT_FDCWD = -100;
const STDERR = 2;
const F_SETFD = 2;
const POINTER = 8;
/** For the program itself and the alignment of the texts. */
const ROOM = 4096;

/** NUL-terminated texts, one after the other, as in proc_pid_cmdline(5) and proc_pid_environ(5). */
function texts(path: string): Buffer[] {
  const bytes = readFileSync(path);
  const out: Buffer[] = [];
  for (let at = 0, end = bytes.indexOf(0); end >= 0; at = end + 1, end = bytes.indexOf(0, at)) out.push(bytes.subarray(at, end));
  return out;
}

const sizeOf = (list: readonly Buffer[]) => list.reduce((n, text) => n + text.length + 2 * POINTER, POINTER);

function emitList(p: Program, list: readonly Buffer[]) {
  const pointers = p.out(POINTER * (list.length + 1));
  list.forEach((text, i) => pointers.setU64(i * POINTER, p.cstr(text).addr));
  return pointers;
}

/** Descriptors and what is behind them. */
function openFiles(): Map<number, string> {
  const out = new Map<number, string>();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      out.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // That of the folder itself.
    }
  }
  return out;
}

/**
 * Node makes all descriptors close-on-exec that it is started with (uv_disable_stdio_inheritance), also standard output. Which of them were there is not
 * known any more. What somebody has given us is no epoll or event descriptor, no pipe of which we have both ends (Node has those), and no memory of ours.
 */
function keepDescriptors(): void {
  const files = openFiles();
  const links = [...files.values()];
  const isOurs = (link: string) =>
    /^anon_inode:|^\/memfd:criu-ts/.test(link) || (link.startsWith('pipe:') && links.filter((one) => one === link).length > 1);
  const calls = new LocalCalls();
  for (const [fd, link] of files) if (fd <= STDERR || !isOurs(link)) calls.call('fcntl', fd, F_SETFD, 0);
  calls.close();
}

/**
 * Returns only when that fails.
 * @param variable of the environment, for the program that begins: name and value
 * @returns errno of execveat(2)
 * @throws what reading /proc/self does
 */
export function execSelf([name, value]: readonly [string, string]): number {
  const words = texts('/proc/self/cmdline');
  const environment = texts('/proc/self/environ').filter((text) => !text.subarray(0, name.length + 1).equals(Buffer.from(`${name}=`)));
  environment.push(Buffer.from(`${name}=${value}`));
  const path = Buffer.from(readlinkSync('/proc/self/exe', 'buffer'));
  const native = loadNative();
  const size = ROOM + path.length + sizeOf(words) + sizeOf(environment);
  const arena = localArena(native, size);
  const p = new Program('exec.self', arena);
  const call = p.sys
    .execveat(AT_FDCWD, p.cstr(path), emitList(p, words), emitList(p, environment), 0)
    .ignore('the caller says why it goes on');
  p.end();
  keepDescriptors();
  native.runHere(BigInt(p.address));
  native.unmap(arena.mapping);
  return -call.result;
}

/** Calls that many probes begin with. Numbers are those of the kernel's uapi headers on x86-64 and arm64. */
import type { Arg, Call } from '../program/call.js';
import type { Program, Ptr } from '../program/program.js';

export const AT_FDCWD = -100;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const PAGE = 4096;
/** The lowest address that may be mapped (vm.mmap_min_addr is at most this by default): what is mapped here is the first line of /proc/PID/maps. */
export const LOW_ADDRESS = 0x10000;
/** A descriptor number that is the same in every probe, so that /proc/self/fd names can be written down before the program runs. */
export const KNOWN_FD = 200;

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_FIXED_NOREPLACE = 0x100000;
const MS_BIND = 0x1000;
const MS_REC_PRIVATE = 0x44000;

/** Text that a program read; valid after it ran. */
export type LateText = () => string;

export function open(p: Program, path: string, flags: number, why: string): Call {
  return p.sys.openat(AT_FDCWD, p.cstr(path), flags, 0o600).must(why);
}

/** Reads a descriptor: files of /proc give at most a page per call, so several calls. */
export function slurp(p: Program, fd: Arg, pages = 1): LateText {
  const reads = Array.from({ length: pages }, () => {
    const buffer = p.out(PAGE);
    return { buffer, call: p.sys.read(fd, buffer, PAGE).ignore('the text that was read is judged') };
  });
  return () => Buffer.concat(reads.map(({ buffer, call }) => buffer.copy(0, Math.max(0, call.result)))).toString('utf8');
}

/** Content of a file. */
export function readText(p: Program, path: string, pages = 1): LateText {
  return slurp(p, open(p, path, O_RDONLY, `read ${path}`), pages);
}

/** What a symbolic link says, such as net:[4026531840]. */
export function readLink(p: Program, path: string): LateText {
  const buffer = p.out(256);
  const call = p.sys.readlinkat(AT_FDCWD, p.cstr(path), buffer, 256).must(`read the link ${path}`);
  return () => buffer.copy(0, Math.max(0, call.result)).toString('utf8');
}

/** Gives a descriptor its known number. */
export function asKnown(p: Program, fd: Arg, number = KNOWN_FD): number {
  p.sys.dup3(fd, number, 0).must(`use descriptor ${number} (is the limit of open files that low?)`);
  return number;
}

/** /proc/self/fdinfo of a descriptor. */
export function readFdinfo(p: Program, fd: Arg): LateText {
  return readText(p, `/proc/self/fdinfo/${asKnown(p, fd)}`);
}

/** Private memory at LOW_ADDRESS. */
export function mapLow(p: Program, pages: number): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  p.sys.mmap(LOW_ADDRESS, pages * PAGE, PROT_READ_WRITE, flags, -1, 0).must('map memory at a low address');
  p.touches(LOW_ADDRESS, pages * PAGE);
  return LOW_ADDRESS;
}

/** A page of a file at LOW_ADDRESS, shared. */
export function mapFileLow(p: Program, fd: Arg): number {
  p.sys.mmap(LOW_ADDRESS, PAGE, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0).must('map the file');
  p.touches(LOW_ADDRESS, PAGE);
  return LOW_ADDRESS;
}

/** In a mount namespace of the probe's own: nothing leaks out, and /tmp is an empty tmpfs. */
export function privateTmp(p: Program): void {
  p.sys.mount(0, p.cstr('/'), 0, MS_REC_PRIVATE, 0).must('make the mounts of the probe private');
  p.sys.mount(p.cstr('criu-ts'), p.cstr('/tmp'), p.cstr('tmpfs'), 0, 0).must('mount a tmpfs over /tmp, in the probe only');
}

export function makeDir(p: Program, path: string): void {
  p.sys.mkdirat(AT_FDCWD, p.cstr(path), 0o700).must(`make ${path}`);
}

export function bindMount(p: Program, from: string, to: string): void {
  p.sys.mount(p.cstr(from), p.cstr(to), 0, MS_BIND, 0).must(`bind ${from} to ${to}`);
}

/** A 32-bit word in the arena, for options of sockets. */
export function word(p: Program, value: number): Ptr {
  return p.out(8).setU32(0, value);
}

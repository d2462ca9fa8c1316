/**
 * Whose files may decide what runs with our rights: those that only root or we ourselves can change, in folders that only those can change, up to `/`.
 *
 * A path is walked from `/` on by descriptors (openat(2) through /proc/self/fd), so that every check is about the very folder, link and file that is then
 * used: whoever could put another one in its place would have to write into a folder that was checked before. Names are not resolved a second time.
 */
import { closeSync, constants, fstatSync, openSync, readSync, readlinkSync, type Stats } from 'node:fs';
import { basename, resolve } from 'node:path';
import { CrError } from '../errors.js';

/** include/uapi/asm-generic/fcntl.h; Node has no name for it. The descriptor names a file without opening it, and needs no right to read it. */
const O_PATH = 0o10000000;
const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
/** MAXSYMLINKS of include/linux/namei.h. */
const MAX_LINKS = 40;

interface Place {
  readonly fd: number;
  readonly path: string;
  readonly stat: Stats;
}

/** What makes a place one that others can change, and the command that ends it. */
interface Problem {
  readonly why: string;
  readonly cure: string;
}

function distrust({ path, stat: { uid, mode } }: Place): Problem | undefined {
  const own = process.geteuid?.() ?? 0;
  if (uid !== 0 && uid !== own) return { why: `belongs to user ${uid}`, cure: `chown -h ${own} ${path}` };
  const all = (mode & WRITABLE_BY_ALL) !== 0;
  if (!all && (mode & WRITABLE_BY_GROUP) === 0) return undefined;
  // The bits of the group also bound what an access control list gives (acl(5)).
  return { why: `can be written by ${all ? 'everybody' : 'its group'}`, cure: `chmod go-w ${path}` };
}

/** A folder on the way. With the sticky bit nobody can replace what belongs to others (unlink(2), rename(2)), and what belongs to others is refused anyway. */
function distrustOnTheWay(place: Place): Problem | undefined {
  return (place.stat.mode & STICKY) !== 0 && place.stat.uid === 0 ? undefined : distrust(place);
}

/** The folder that the file is in: with the sticky bit too, others can add files beside it, and link to files of ours under names of their choice. */
function distrustHome(place: Place, name: string): Problem | undefined {
  const problem = distrust(place);
  if (problem === undefined || (place.stat.mode & STICKY) === 0) return problem;
  return { ...problem, cure: `move it to a folder that only you can write: install -D -m 644 ${place.path}/${name} /etc/criu/${name}` };
}

class Walk {
  readonly #path: string;
  readonly #what: string;
  /** From `/` to where we are. */
  readonly #folders: Place[] = [];
  #links = 0;

  constructor(path: string, what: string) {
    this.#path = path;
    this.#what = what;
  }

  /** The checked end of the path; its descriptor is O_PATH. Everything else is closed by `close`. */
  run(): Place {
    const todo = resolve(this.#path).split('/').filter(Boolean).toReversed();
    this.#enter(this.#open('/', '/'));
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === '..') this.#leave();
      if (name === '..' || name === '.') continue;
      const place = this.#openBeside(name);
      if (place.stat.isSymbolicLink()) todo.push(...this.#follow(place, name));
      else if (place.stat.isDirectory()) this.#enter(place);
      else return this.#finish(place, name, todo);
    }
    const end = this.#here();
    this.#require(end, distrust(end));
    return end;
  }

  close(): void {
    for (const { fd } of this.#folders.splice(0)) closeSync(fd);
  }

  #here(): Place {
    const here = this.#folders.at(-1);
    if (here === undefined) throw new Error('a walk starts at /');
    return here;
  }

  #enter(place: Place): void {
    this.#folders.push(place);
    this.#require(place, distrustOnTheWay(place));
  }

  #leave(): void {
    if (this.#folders.length > 1) closeSync(this.#folders.pop()?.fd ?? -1);
  }

  #openBeside(name: string): Place {
    const { fd, path } = this.#here();
    return this.#open(`/proc/self/fd/${fd}/${name}`, path === '/' ? `/${name}` : `${path}/${name}`);
  }

  #open(at: string, path: string): Place {
    try {
      const fd = openSync(at, O_PATH | constants.O_NOFOLLOW);
      return { fd, path, stat: fstatSync(fd) };
    } catch (error) {
      throw this.#failed(`openat("${path}", O_PATH | O_NOFOLLOW)`, error);
    }
  }

  /** The components of the link's target, last first. */
  #follow(link: Place, name: string): string[] {
    closeSync(link.fd);
    // Links have no mode; their owner could replace them.
    const { uid } = link.stat;
    if (uid !== 0 && uid !== process.geteuid?.()) this.#require(link, distrust({ ...link, stat: { ...link.stat, mode: 0, uid } }));
    if (++this.#links > MAX_LINKS) throw this.#failed(`openat("${this.#path}")`, { code: 'ELOOP' });
    const target = readlinkSync(`/proc/self/fd/${this.#here().fd}/${name}`);
    if (target.startsWith('/')) while (this.#folders.length > 1) this.#leave();
    return target.split('/').filter(Boolean).toReversed();
  }

  #finish(file: Place, name: string, rest: readonly string[]): Place {
    this.#folders.push(file);
    if (rest.length > 0) throw this.#failed(`openat("${file.path}/${rest.at(-1) ?? ''}")`, { code: 'ENOTDIR' });
    const home = this.#folders.at(-2);
    if (home !== undefined) this.#require(home, distrustHome(home, name));
    this.#require(file, distrust(file));
    return file;
  }

  #require(place: Place, problem: Problem | undefined): void {
    if (problem === undefined) return;
    throw new CrError('CR_NO_PERMISSION', {
      message: `${problem.why}: the ${this.#what} ${this.#path} is not run with our rights`,
      subject: { path: place.path },
      hint: `If you trust it: ${problem.cure}`,
      target: 'not started',
    });
  }

  #failed(call: string, error: unknown): CrError {
    const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
    const message = `cannot use the ${this.#what}`;
    return new CrError('CR_USAGE', {
      message,
      subject: { path: this.#path },
      kernel: { call, errno },
      target: 'not started',
      cause: error,
    });
  }
}

/**
 * Checks a file or folder, every folder on the way to where it really is, and every link.
 * @param what for the message: `plugin`, `configuration`
 * @returns where it really is
 * @throws CrError CR_NO_PERMISSION naming what others can change and the command that ends it, CR_USAGE when it cannot be reached
 */
export function checkTrusted(path: string, what: string): string {
  const walk = new Walk(path, what);
  try {
    return walk.run().path;
  } finally {
    walk.close();
  }
}

export interface TrustedFile {
  /** Where it really is. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** Reads from one descriptor; never more than the limit, whatever the file says about its size. */
function readBounded(fd: number, limit: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(limit + 1);
  let length = 0;
  for (let got = -1; got !== 0 && length <= limit; length += got) got = readSync(fd, bytes, length, bytes.length - length, null);
  return length > limit ? undefined : Buffer.from(bytes.subarray(0, length));
}

/**
 * Checks a file as `checkTrusted` does and reads the very file that was checked.
 * @param limit most bytes that it may have
 * @throws CrError as `checkTrusted`; CR_USAGE when it is no regular file or too big
 */
export function readTrusted(path: string, what: string, limit: number): TrustedFile {
  const walk = new Walk(path, what);
  try {
    const { fd, path: real, stat } = walk.run();
    const refuse = (message: string): CrError => new CrError('CR_USAGE', { message, subject: { path }, target: 'not started' });
    if (!stat.isFile()) throw refuse(`is not a regular file, so it is no ${what}`);
    if (stat.size > limit) throw refuse(`${basename(path)} has ${stat.size} bytes; a ${what} has at most ${limit}`);
    const readable = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NOCTTY);
    try {
      const bytes = readBounded(readable, limit);
      if (bytes === undefined) throw refuse(`has more than ${limit} bytes; a ${what} has at most that many`);
      return { path: real, bytes };
    } finally {
      closeSync(readable);
    }
  } finally {
    walk.close();
  }
}

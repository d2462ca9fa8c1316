/** Processes that share what no restore can give them by birth: told while they run, in the report of the pre-flight. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { arch } from '../../core/arch/current.js';
import { dump } from '../../core/index.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { readStat } from '../../core/kernel/procfs/stat.js';
import { failure, withScript } from '../helpers/refused.js';

const proc = new ProcReader();

/** A child that forks a sibling with what `flags` share (clone(2)), and then does `after`. Both end with the root. */
const siblings = (flags: number, after: string): string => `
libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG, SIGKILL, CLONE_PARENT = 1, 9, 0x8000
clone_args = struct.pack('8Q', CLONE_PARENT | ${flags}, 0, 0, 0, 0, 0, 0, 0)
ready, told = os.pipe()
if os.fork() == 0:
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if libc.syscall(${arch.syscalls.clone3}, clone_args, len(clone_args)) == 0:
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        time.sleep(100)
        os._exit(1)
    ${after}
    os.close(1)
    os.write(told, b"x")
    time.sleep(100)
    os._exit(1)
os.read(ready, 1)`;

const CLONE_FS = 0x200;
const CLONE_FILES = 0x400;

for (const [flags, what] of [
  [CLONE_FILES, 'descriptor table \\(CLONE_FILES\\)'],
  [CLONE_FILES | CLONE_FS, 'descriptor table \\(CLONE_FILES\\)'],
] as const)
  for (const dryRun of [true, false])
    test(`siblings of which one leads its own session share ${what.replaceAll('\\', '')}${dryRun ? ', with --dry-run' : ''}`, () =>
      withScript(siblings(flags, 'os.setsid()'), async (pid, folder) => {
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number);
        assert.equal(children.length, 2);
        const error = await failure(dump({ pid, imagesDir: folder, shellJob: true, dryRun }));
        assert.equal(error.code, 'CR_UNSUPPORTED');
        const [one, other] = [...children].sort((a, b) => b - a) as [number, number];
        assert.match(
          error.message,
          new RegExp(`pid ${one} shares its ${what} with pid ${other}, .* Let one of the two call unshare\\(2\\)`),
        );
        assert.equal(error.target, 'running');
        for (const each of [pid, ...children]) assert.match(readStat(proc, each)?.state ?? '', /^[RS]$/);
        assert.deepEqual(readdirSync(folder), []);
      }));

/**
 * A number of the tree that criu-ts itself has got, for the process or for one of its threads: the command starts anew. In a pid namespace of the test's own,
 * where nobody else takes numbers.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { launcher } from '../helpers/run-command.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { WorkFolder } from '../helpers/work-folder.js';

const work = new WorkFolder('criu-ts-pid-own-');

const FIRST = 500;

/** Init of the namespace: starts a tree as FIRST and following, dumps it away, and restores it with a command that is `back` numbers before that. */
const INIT = `
import ctypes, json, os, subprocess, sys
cli, images, first, back, threads, sealed = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
program = "import threading, time; [threading.Thread(target=time.sleep, args=(1000,)).start() for _ in range(%d)]; time.sleep(1000)" % threads
def last(pid):
    with open("/proc/sys/kernel/ns_last_pid", "w") as file: file.write(str(pid))
def start(*words, **how):
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True, text=True, **how)
def alive():
    try: return len(os.listdir("/proc/%d/task" % first))
    except OSError: return 0
last(first - 1)
tree = start("python3", "-I", "-c", program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
assert tree.pid == first, tree.pid
while alive() < threads + 1: pass
done = subprocess.run([cli, "dump", "-t", str(first), "-D", images, "--no-default-config"], capture_output=True, text=True)
assert done.returncode == 0, done.stderr
tree.wait()
last(first - back - 1)
if sealed:
    mount = ctypes.CDLL(None).mount
    assert mount(b"/proc/sys", b"/proc/sys", None, 0x1000, None) == 0
    assert mount(None, b"/proc/sys", None, 0x1021, None) == 0
tool = start(cli, "restore", "-d", "-D", images, "-o", "restore.log", "-v4", "--pidfile", "pid", "--no-default-config",
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
text = tool.communicate()[0]
try: pid = open(images + "/pid").read()
except FileNotFoundError: pid = None
print(json.dumps({ "own": tool.pid, "status": tool.returncode, "text": text, "pidfile": pid, "alive": alive(), "log": open(images + "/restore.log").read() }))
`;

interface Outcome {
  readonly own: number;
  readonly status: number;
  readonly text: string;
  readonly pidfile: string | null;
  /** Threads of the tree. */
  readonly alive: number;
  readonly log: string;
}

interface Circumstances {
  /** How many numbers before the tree's the command is. */
  readonly back: number;
  /** Of the tree, beside its main one. */
  readonly threads?: number;
  /** /proc/sys is read-only, as in most containers. */
  readonly sealed?: boolean;
}

function restoreBeside({ back, threads = 0, sealed = false }: Circumstances): Outcome {
  const numbers = [FIRST, back, threads, Number(sealed)].map(String);
  const words = ['-m', '-p', '-f', '--mount-proc', 'python3', '-I', '-c', INIT, launcher, work.add().images, ...numbers];
  const done = spawnSync('unshare', words, { encoding: 'utf8', timeout: 60_000 });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout) as Outcome;
}

describe('a pid that criu-ts has itself', { skip: NEEDS_ROOT }, () => {
  test('for a thread: the command starts anew, and the tree is restored', () => {
    const { own, status, text, pidfile, alive, log } = restoreBeside({ back: 4 });
    assert.equal(own, FIRST - 4);
    assert.equal(status, 0, text);
    assert.match(log, /CR_PID_OWN {2}pid 500: is a thread of criu-ts itself \(.*\): the command started anew \(1\)/);
    assert.deepEqual([text, pidfile, alive], ['', '500', 1]);
  });

  test('for threads, in the midst of all numbers of a tree: its threads get others', () => {
    const { status, text, alive, log } = restoreBeside({ back: 4, threads: 40 });
    assert.equal(status, 0, text);
    assert.match(log, /the command started anew/);
    assert.equal(alive, 41);
  });

  test('for threads, and the kernel may not be told other numbers: it is said after some tries, and nothing is left', () => {
    const { status, text, pidfile, alive } = restoreBeside({ back: 4, threads: 150, sealed: true });
    assert.equal(status, 1);
    assert.match(text, /^CR_PID_OWN {2}pid \d+: is a thread of criu-ts itself \(.*\)\n.*target: not started\. {2}Try: .*/);
    assert.deepEqual([pidfile, alive], [null, 0]);
  });

  test('for the process: it is said, and nothing is left', () => {
    const { status, text, pidfile, alive } = restoreBeside({ back: 0 });
    assert.equal(status, 1);
    assert.match(text, /^CR_PID_OWN {2}pid 500: is criu-ts itself \(.*\)\n.*target: not started\. {2}Try: .*/);
    assert.deepEqual([pidfile, alive], [null, 0]);
  });
});

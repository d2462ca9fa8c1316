/** A tool with fewer rights than its target: what works without them, and what a dump says that a restore could not do. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { launcher } from '../helpers/run-command.js';
import { passAfterGo, waitReady } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { dumpArguments, restoreArguments, type Finished } from '../helpers/tools.js';

const without = (capability: string) => ['/usr/bin/setpriv', '--bounding-set', `-${capability}`, '--inh-caps', `-${capability}`, '--'];

/** As another user, without any capability. */
const UNPRIVILEGED = `
os.setgroups([]); os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
os.write(1, b'READY\\n')
while not os.path.exists('go'): time.sleep(0.01)
`;

async function withScript(script: string, body: (subject: Subject) => Promise<void>): Promise<void> {
  const subject = new Subject('rights');
  try {
    subject.start('/usr/bin/python3', ['-I', '-c', `import ctypes, os, resource, signal, time\n${script}\nos.write(1, b'PASS\\n')`]);
    await waitReady(subject);
    await body(subject);
  } finally {
    await subject.close();
  }
}

const run = (subject: Subject, [command = launcher, ...words]: readonly string[], rest: readonly string[]): Promise<Finished> =>
  subject.call({ name: 'ours', command }, [...words, launcher, ...rest]);
const step = (subject: Subject, ...options: string[]) => ({ images: subject.images, work: subject.folder, options });

async function cycle(subject: Subject, dumper: readonly string[], restorer: readonly string[]): Promise<void> {
  const dumped = await run(subject, dumper, dumpArguments(subject.pid, step(subject)));
  assert.equal(dumped.status, 0, dumped.text);
  await subject.waitGone('after the dump');
  const restored = await run(subject, restorer, restoreArguments(step(subject)));
  assert.equal(restored.status, 0, restored.text);
  await passAfterGo(subject);
}

describe('rights', { skip: NEEDS_ROOT }, () => {
  test('without CAP_SYS_NICE: a process of another user with ordinary scheduling', async () => {
    await withScript(UNPRIVILEGED, (subject) => cycle(subject, without('sys_nice'), without('sys_nice')));
  });

  test('without CAP_SYS_NICE: a process of another user that is bound to a processor', async () => {
    const script = `os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
before = os.sched_getaffinity(0)
${UNPRIVILEGED}
assert os.sched_getaffinity(0) == before`;
    await withScript(script, (subject) => cycle(subject, without('sys_nice'), without('sys_nice')));
  });

  test('a limit of file sizes that an image does not fit into: the image is named, nothing is left', async () => {
    const script = `
with open('deleted', 'wb') as file: file.write(os.urandom(600000))
fd = os.open('deleted', os.O_RDONLY)
os.unlink('deleted')
${UNPRIVILEGED}`;
    await withScript(script, async (subject) => {
      const done = await run(subject, ['/usr/bin/prlimit', '--fsize=100000:'], dumpArguments(subject.pid, step(subject)));
      assert.equal(done.status, 1, done.text);
      assert.match(done.text, /^CR_IMAGE_WRITE {2}\S+\/ghost-file-1\.img: [^]*EFBIG[^]*target: running/m);
      assert.deepEqual(readdirSync(subject.images), []);
      await passAfterGo(subject);
    });
  });

  test('with low soft limits: as many signals are queued as the target had', async () => {
    const script = `
limits = resource.getrlimit(11)
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
for i in range(50): ctypes.CDLL(None).sigqueue(os.getpid(), 40, ctypes.c_void_p(i))
${UNPRIVILEGED}
assert [signal.sigwaitinfo([40]).si_signo for i in range(50)] == [40] * 50
assert signal.sigtimedwait([40], 0) is None
assert resource.getrlimit(11) == limits, (resource.getrlimit(11), limits)`;
    await withScript(script, (subject) => cycle(subject, ['/usr/bin/env'], ['/usr/bin/prlimit', '--sigpending=5:']));
  });

  for (const [what, tool, setUp, says] of [
    [
      'scheduling',
      without('sys_nice'),
      'os.setpriority(os.PRIO_PROCESS, 0, -5)',
      /has scheduling policy 0 and nice value -5, .* no CAP_SYS_NICE/,
    ],
    [
      'locked memory',
      ['/usr/bin/prlimit', '--memlock=65536:65536', ...without('ipc_lock')],
      'memory = ctypes.create_string_buffer(1 << 20)\nassert ctypes.CDLL(None).mlock(memory, len(memory)) == 0',
      /has \d+ bytes of locked memory, and criu-ts may lock 65536 and has no CAP_IPC_LOCK/,
    ],
    [
      'hard limits',
      ['/usr/bin/prlimit', '--sigpending=100:100', ...without('sys_resource')],
      '',
      /needs the hard limit RLIMIT_SIGPENDING \d+, and criu-ts has 100 and no CAP_SYS_RESOURCE/,
    ],
    [
      'descriptors',
      ['/usr/bin/prlimit', '--nofile=900:900'],
      'os.dup2(0, 899)',
      /has descriptor 899, above which a restore needs \d+ numbers, and criu-ts may have 900/,
    ],
    ['a root', without('sys_chroot'), "os.mkdir('r'); os.chroot('r')", /has the root \/\S+\/cwd\/r, and criu-ts has no CAP_SYS_CHROOT/],
    [
      'an oom_score_adj',
      ['/usr/bin/choom', '-n', '500', '--', ...without('sys_resource')],
      '',
      /would not give back: .* had oom_score_adj 0; without CAP_SYS_RESOURCE it may keep that of criu-ts, 500/,
    ],
    ['capabilities', without('net_raw'), 'os.setresuid = lambda *ids: None', /has CAP_NET_RAW, which criu-ts itself lacks/],
  ] as const)
    test(`${what} that a restore with the same rights could not give back: a warning names it, also of a dry run`, async () => {
      await withScript(`${setUp}${UNPRIVILEGED}`, async (subject) => {
        for (const option of ['--dry-run', '--leave-running']) {
          const done = await run(subject, tool, dumpArguments(subject.pid, step(subject, option)));
          assert.equal(done.status, 0, done.text);
          const warnings = readFileSync(join(subject.folder, 'dump.log'), 'utf8').match(/Warn .*A restore with the rights .*/g) ?? [];
          assert.ok(
            warnings.some((line) => says.test(line) && line.includes(`pid ${subject.pid} `)),
            `${option}: ${warnings.join('\n')}`,
          );
        }
        await passAfterGo(subject);
      });
    });

  test('with all rights nothing is foreseen', async () => {
    await withScript(UNPRIVILEGED, async (subject) => {
      const done = await run(subject, ['/usr/bin/env'], dumpArguments(subject.pid, step(subject, '--dry-run')));
      assert.equal(done.status, 0, done.text);
      assert.doesNotMatch(readFileSync(join(subject.folder, 'dump.log'), 'utf8'), /A restore with the rights/);
      await passAfterGo(subject);
    });
  });
});

/** Images that CRIU wrote: `show` and then `encode` gives the same bytes, and our schema knows every field in them. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageFile } from '../../core/images/container.js';
import { imageFromJson, kindOfFile, recordsOf, recordToJson } from '../../core/images/image-json.js';
import { jsonPieces, parseJson } from '../../core/images/json.js';
import { RAW_FILES } from '../../core/images/magic.js';
import { folderFiles } from '../../core/images/overview.js';
import { ImageReader } from '../../core/images/reader.js';
import { UNKNOWN } from '../../core/images/message.js';

const ROOT = join(import.meta.dirname, '../../..');
const PEERS = join(ROOT, 'test/.peers');
/** A test program waits this long for another process to get ready, ms. */
const PATIENCE = 10_000;

/** An unpacked Debian package of CRIU runs through the dynamic loader of its own folder. */
interface Peer {
  readonly name: string;
  readonly root: string;
}

function peers(): Peer[] {
  if (!existsSync(PEERS)) return [];
  const roots = readdirSync(PEERS).flatMap((name) => [join(PEERS, name), join(PEERS, name, 'root')]);
  return roots.filter((root) => existsSync(join(root, 'usr/sbin/criu'))).map((root) => ({ name: root.slice(PEERS.length + 1), root }));
}

function criu({ root }: Peer, args: readonly string[]): { status: number | null; text: string } {
  const loader = ['usr/lib64', 'lib64', 'usr/lib/x86_64-linux-gnu']
    .map((dir) => join(root, dir, 'ld-linux-x86-64.so.2'))
    .find((path) => existsSync(path));
  assert.ok(loader, `${root} has no dynamic loader`);
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib'].map((dir) => join(root, dir)).join(':');
  const done = spawnSync(loader, ['--library-path', libraries, join(root, 'usr/sbin/criu'), ...args], { encoding: 'utf8' });
  return { status: done.status, text: done.stdout + done.stderr };
}

/** CRIU before 4.2 cannot dump internet sockets on new kernels, which no longer answer SO_PASSCRED and SO_PASSSEC for them. */
function dumpsInternetSockets(peer: Peer): boolean {
  const version = /Version: (\d+)\.(\d+)/.exec(criu(peer, ['--version']).text);
  assert.ok(version, `${peer.name} does not tell its version`);
  return Number(version[1]) * 100 + Number(version[2]) >= 402;
}

/** Starts the victim in a session of its own and waits until it has everything open. */
async function startVictim(work: string, options: readonly string[]): Promise<number> {
  const program = join(work, 'victim');
  const folder = join(work, 'files');
  mkdirSync(folder);
  execFileSync(process.env['CC'] ?? 'cc', ['-O1', '-pthread', '-o', program, join(ROOT, 'test/fixtures/victims/image-kinds.c')]);
  const victim = spawn(program, [folder, ...options], { detached: true, stdio: 'ignore' });
  victim.unref();
  assert.ok(victim.pid !== undefined);
  for (let waited = 0; !existsSync(join(folder, 'ready')); waited += 20) {
    assert.ok(waited < PATIENCE && victim.exitCode === null, 'the victim did not get ready');
    await sleep(20);
  }
  return victim.pid;
}

/** Names of messages below `value` that have fields without a name. */
function unknownFields(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const own = UNKNOWN in value ? [path] : [];
  return [...own, ...Object.entries(value).flatMap(([key, member]) => unknownFields(member, `${path}.${key}`))];
}

function checkImage(path: string): string {
  const bytes = readFileSync(path);
  const file = ImageFile.open(path);
  try {
    const kind = kindOfFile(file);
    const records = [...recordsOf(file, kind)];
    assert.deepEqual(unknownFields(records, kind.magicName), []);
    for (const [style, indent] of [
      ['exact', 0],
      ['pretty', 4],
    ] as const) {
      const entries = records.map((record, i) => recordToJson(file, kind, i, record, style));
      const text = [...jsonPieces({ magic: kind.magicName, entries }, indent)].join('');
      assert.ok(Buffer.concat(imageFromJson(parseJson(text))).equals(bytes), `${path}, ${style} form: other bytes`);
    }
    return kind.magicName;
  } finally {
    file.close();
  }
}

/** Kinds that a dump of the victim must have written, so that the test cannot pass on an empty folder. */
const EXPECTED = [
  ...['CORE', 'FDINFO', 'FIFO_DATA', 'FILES', 'FILE_LOCKS', 'FS', 'GHOST_FILE', 'IDS', 'INVENTORY', 'MEMFD_INODE', 'MM', 'PAGEMAP'],
  ...['PIPES_DATA', 'PSTREE', 'REMAP_FPATH', 'SECCOMP', 'SK_QUEUES', 'STATS', 'TIMENS'],
];

const found = peers();
const missing =
  process.getuid?.() !== 0 ? 'needs root: CRIU dumps a process' : found.length === 0 ? 'needs CRIU unpacked under test/.peers' : undefined;

if (missing !== undefined) test('images that CRIU wrote', { skip: missing }, () => undefined);
for (const peer of missing === undefined ? found : []) {
  test(`images that CRIU in ${peer.name} wrote`, async () => {
    const work = mkdtempSync(join(tmpdir(), 'criu-ts-roundtrip-'));
    let pid: number | undefined;
    try {
      pid = await startVictim(work, dumpsInternetSockets(peer) ? [] : ['local']);
      const images = join(work, 'images');
      mkdirSync(images);
      const options = ['--file-locks', '--ext-unix-sk', '--link-remap', '--tcp-established', '-v4', '-o', 'dump.log'];
      const dump = criu(peer, ['dump', '-t', String(pid), '-D', images, ...options]);
      assert.equal(dump.status, 0, `${dump.text}\n${readFileSync(join(images, 'dump.log'), 'utf8').slice(-2000)}`);
      pid = undefined;
      const kinds = new Set(
        folderFiles(images)
          .filter(({ name }) => !RAW_FILES.test(name))
          .map(({ path }) => checkImage(path)),
      );
      assert.deepEqual(
        EXPECTED.filter((kind) => !kinds.has(kind)),
        [],
      );
      const reader = new ImageReader(images);
      for (const task of reader.readAll('pstree')) {
        assert.ok(reader.readOne('core', task.pid).tc !== undefined);
        // A dead task has no memory, and CRIU 4.x leaves whatever lay in its own memory in the thread list of one.
        if (!reader.exists('mm', task.pid)) continue;
        for (const tid of task.threads) reader.readOne('core', tid);
        assert.ok(reader.readPagemap('pagemap', task.pid).entries.length > 0);
      }
    } finally {
      // The session leader's group: the dump failed and the victim with its child still runs.
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      rmSync(work, { recursive: true });
    }
  });
}

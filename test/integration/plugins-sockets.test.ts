/** Unix sockets that plugins claim: what the host stores and restores of them, and which stay files of the plugin. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, openSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FD_TYPES } from '../../core/images/generated/fdinfo.js';
import { ImageReader } from '../../core/images/reader.js';
import { LocalCalls } from '../../core/kernel/local.js';
import { UnixDiag, type UnixSocketState } from '../../core/kernel/unix-diag.js';
import type { OpenedFile, UnixSocket } from '../../plugins/sdk/index.js';
import { until, Victim } from '../../plugins/sdk/testing/index.js';
import { failure, plainPlugin, runs } from '../helpers/device-case.js';

let folder: string;
const started: Victim[] = [];
const calls = new LocalCalls();
const diag = new UnixDiag(() => calls);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-sockets-'));
});
afterEach(() => {
  for (const victim of started.splice(0)) victim.close();
  rmSync(folder, { recursive: true });
});

/** Runs `body` in Python, which leaves descriptors open, and then sleeps. */
async function python(body: string): Promise<Victim> {
  const mark = join(folder, `ready-${started.length}`);
  const script = `import os, socket, struct, sys, time\n${body}\nopen(sys.argv[1], 'w').close()\ntime.sleep(1000)\n`;
  const victim = await Victim.start({ command: 'python3', args: ['-c', script, mark], ready: () => existsSync(mark) });
  started.push(victim);
  return victim;
}

/** The daemon's end of everything: it is not in the tree, and waits for nobody. */
const DAEMON = `
import threading
def accept():
  global ends
  ends = []
  while True: ends.append(one.accept())
one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); one.bind('\\0criu-ts-test-seq-%d' % os.getpid()); one.listen()
two = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); two.bind('\\0criu-ts-test-dgram-%d' % os.getpid())
threading.Thread(target=accept, daemon=True).start()
`;

function stateOf(pid: number, fd: number): UnixSocketState {
  const inode = Number(/\d+/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))![0]);
  return diag.of(inode)!;
}

const AF_UNIX = 1;
const SOCK = { datagram: 2, seqpacket: 5, stream: 1 } as const;

/** Connects again to what the host says that it was connected to. */
function connecting(opened: OpenedFile[], answer?: () => number) {
  const hooks = { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' } as const;
  const saved: (UnixSocket | undefined)[] = [];
  const plugin = plainPlugin(
    'socket_plugin',
    hooks,
    (host) => {
      host.on('dump.claimFile', () => ({ what: 'a connection' }));
      host.on('dump.saveFile', ({ socket }) => void saved.push(socket));
      host.on('restore.openFile', async (file) => {
        opened.push(file);
        const { socket } = file;
        if (answer || !socket) return { fd: answer?.() ?? openSync('/dev/null', 'r') };
        const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), socket.peer]);
        const { result: fd } = await host.run('socket', (p) => p.sys.socket(AF_UNIX, SOCK[socket.type], 0).must('make a socket'));
        await host.run('connect', (p) => p.sys.connect(fd, p.data(address), address.length).must('connect'));
        return { fd };
      });
    },
    { claims: { sockets: ['unix'] } },
  );
  return { plugin, saved };
}

test('of the end of a connection outside: kind, options and what is shut down come back by the host', async () => {
  const daemon = await python(DAEMON);
  const victim = await python(`
a = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); a.connect('\\0criu-ts-test-seq-${daemon.pid}')
a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 9)); a.setblocking(False); a.shutdown(socket.SHUT_WR); os.dup2(a.fileno(), 50)
b = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); b.bind('\\0mine-%d' % os.getpid()); b.connect('\\0criu-ts-test-dgram-${daemon.pid}'); os.dup2(b.fileno(), 51)
`);
  // Before that it has no inode, and nobody can tell where the connection leads.
  await until('the acceptance', () => stateOf(victim.pid, 50).peer !== 0);
  const before = [50, 51].map((fd) => stateOf(victim.pid, fd));
  const opened: OpenedFile[] = [];
  const { plugin, saved } = connecting(opened);
  await victim.dump({ plugins: [plugin] });
  assert.deepEqual(saved.map((socket) => socket?.type).sort(), ['datagram', 'seqpacket']);
  assert.deepEqual(
    saved.map((socket) => Buffer.from(socket!.peer).toString()).sort(),
    [`\0criu-ts-test-dgram-${daemon.pid}`, `\0criu-ts-test-seq-${daemon.pid}`].sort(),
  );
  await victim.restore({ plugins: [plugin] });
  assert.deepEqual(new Set(opened.map(({ socket }) => socket)), new Set(saved), 'the restore tells what the dump told');
  const [seq, datagram] = [50, 51].map((fd) => stateOf(victim.pid, fd));
  assert.equal(seq?.type, SOCK.seqpacket);
  assert.equal(seq.shutdown, before[0]?.shutdown);
  assert.equal(seq.shutdown, 2);
  assert.equal(datagram?.peer, before[1]?.peer);
  assert.equal(datagram?.shutdown, 0);
  assert.deepEqual(
    opened.map(({ socket }) => Buffer.from(socket!.name).toString()).filter((name) => name !== ''),
    [`\0mine-${victim.pid}`],
  );
});

test('a pair within the tree and a listener with a path are files of the plugin; what nobody is connected to is the business of the engine', async () => {
  const victim = await python(`
pair = socket.socketpair()
path = sys.argv[1] + '.sock'
listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen()
abstract = socket.socket(socket.AF_UNIX); abstract.bind('\\0criu-ts-test-%d' % os.getpid()); abstract.listen()
alone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
`);
  const opened: OpenedFile[] = [];
  const { plugin, saved } = connecting(opened);
  await victim.dump({ plugins: [plugin] });
  assert.deepEqual(saved, [undefined, undefined, undefined]);
  const types = new ImageReader(victim.imagesDir).readAll('files').map(({ type }) => type);
  assert.equal(types.filter((type) => type === FD_TYPES.EXT).length, 3);
  assert.equal(types.filter((type) => type === FD_TYPES.UNIXSK).length, 2);
  await victim.restore({ plugins: [plugin] });
  assert.deepEqual(
    opened.map(({ socket }) => socket),
    saved,
  );
});

test('a filter is refused with pid and descriptor, and an answer that is no socket is told', async () => {
  const daemon = await python(DAEMON);
  const connect = `a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); a.connect('\\0criu-ts-test-dgram-${daemon.pid}'); os.dup2(a.fileno(), 50); a.close()`;
  const filtered = await python(`${connect}
import ctypes
code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0xffffffff))
socket.socket(fileno=os.dup(50)).setsockopt(socket.SOL_SOCKET, 26, struct.pack('HL', 1, ctypes.addressof(code)))
`);
  const error = await failure(filtered.dump({ plugins: [connecting([]).plugin] }));
  assert.equal(error.code, 'CR_UNSUPPORTED');
  assert.match(error.message, /fd 50: is a socket with a filter/);
  assert.ok(runs(filtered.pid));
  const plain = await python(connect);
  await plain.dump({ plugins: [connecting([]).plugin] });
  const fds: number[] = [];
  const wrong = connecting([], () => {
    fds.push(openSync('/dev/null', 'r'));
    return fds.at(-1)!;
  });
  const told = await failure(plain.restore({ plugins: [wrong.plugin] }));
  assert.match(told.message, /socket_plugin answered descriptor \d+, which is no socket, for file \d+/);
  assert.throws(() => closeSync(fds[0]!), /EBADF/, 'it was closed with the rest');
});

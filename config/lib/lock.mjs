// One setup at a time per working tree.
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

/** Waits until the holder of the lock is gone: it never writes, so `close` is the only event that can come. */
function waitForHolder(path) {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('error', () => resolve());
    socket.once('close', () => resolve());
    socket.resume();
  });
}

function tryListen(path) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen({ path }, () => resolve(server));
  });
}

/**
 * Takes the lock of the tree at `root`, runs `work`, gives the lock back. The lock is an abstract unix socket: the kernel
 * frees it when we die, however that happens, so there are no stale lock files to reason about.
 */
export async function withLock(root, work) {
  const path = `\0criu-ts-setup-${createHash('sha256').update(root).digest('hex').slice(0, 32)}`;
  let server = await tryListen(path);
  if (server === null) console.log('setup: another setup of this folder is running; waiting for it');
  while (server === null) {
    await waitForHolder(path);
    server = await tryListen(path);
  }
  const waiters = new Set();
  server.on('connection', (socket) => {
    waiters.add(socket);
    socket.on('error', () => waiters.delete(socket));
    socket.on('close', () => waiters.delete(socket));
  });
  try {
    return await work();
  } finally {
    server.close();
    for (const socket of waiters) socket.destroy();
  }
}

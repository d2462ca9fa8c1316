/** Processes that a dump refuses, and what it says. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CrError } from '../../core/errors.js';

export async function failure(work: Promise<unknown>): Promise<CrError> {
  const error: unknown = await work.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CrError, String(error));
  return error;
}

/** A process of Python that is ready: it has run its script and closed its output. The process and the folder are gone in the end. */
export async function withScript(script: string, body: (pid: number, folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'refused-'));
  const program = `import ctypes, os, struct, time\n${script}\nos.close(1)\ntime.sleep(100)`;
  const child = spawn('/usr/bin/python3', ['-I', '-c', program], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], cwd: '/' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await new Promise((resolve) => child.stdout.once('close', resolve).resume());
    await body(child.pid!, folder);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  }
}

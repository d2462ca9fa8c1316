/** Which terminals are refused: by a /proc of our own, because a pty with a high number takes all the lower ones. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProcReader } from '../../../../core/kernel/procfs/reader.js';
import { tty } from '../../../../core/resources/files/tty.js';
import type { PreflightContext, SeenFile } from '../../../../core/resources/files/kind.js';

function refusalOf(index: number): string | null {
  const root = mkdtempSync(join(tmpdir(), 'tty-'));
  try {
    mkdirSync(join(root, '7/fdinfo'), { recursive: true });
    writeFileSync(join(root, '7/fdinfo/5'), `pos:\t0\nflags:\t02100002\nmnt_id:\t24\nino:\t91\ntty-index:\t${index}\n`);
    const file: SeenFile = { pid: 7, fd: 5, link: '/dev/ptmx', stat: statSync('/dev/ptmx', { bigint: true }), proc: join(root, '7/fd/5') };
    const context = { proc: new ProcReader(root), options: { shellJob: true }, otherPty: () => null } as unknown as PreflightContext;
    return tty.refuse!(file, context);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('the master of a pty whose number images cannot have', () => {
  assert.equal(refusalOf(1000), null);
  assert.match(refusalOf(1001) ?? '', /is \/dev\/ptmx, the master of pty 1001; only ptys up to 1000 can be dumped/);
});

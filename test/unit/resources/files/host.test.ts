/** Files that a host would not let come back, for what is hard to have: the rest is tested on real mounts (test/integration/mounts.test.ts). */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { MountInfo } from '../../../../core/kernel/procfs/mountinfo.js';
import { ProcReader } from '../../../../core/kernel/procfs/reader.js';
import { type HostContext, hostProblem } from '../../../../core/resources/files/host.js';
import { Mounts } from '../../../../core/resources/files/mounts.js';
import { seeLink } from '../../../../core/resources/files/seen.js';

const folder = mkdtempSync(join(tmpdir(), 'criu-ts-host-'));
after(() => rmSync(folder, { recursive: true }));

/** The mounts of this host, as if all had files of that type. */
function hostOf(fsType: string): HostContext {
  const mounts = new Mounts(new ProcReader());
  const of = (path: string): MountInfo | null => {
    const mount = mounts.of(path);
    return mount && { ...mount, fsType };
  };
  return { mounts: { of, byId: (id: number) => mounts.byId(id) } as Mounts, evasiveDevices: false, mountId: () => null };
}

function problemOf(remove: (name: string) => void, make: (name: string) => void, fsType: string): string | null {
  const name = join(folder, 'x');
  make(name);
  const fd = openSync(name, 'r');
  remove(name);
  const file = seeLink(new ProcReader(), process.pid, `fd/${fd}`, fd)!;
  const problem = hostProblem(file, null, hostOf(fsType));
  closeSync(fd);
  return problem;
}

test('a deleted file where there are no hard links', () => {
  const write = (name: string) => writeFileSync(name, 'x');
  for (const fsType of ['vfat', 'msdos', 'exfat'])
    assert.match(problemOf(unlinkSync, write, fsType) ?? '', new RegExp(`/x, whose name is gone, .* has no hard links \\(${fsType}\\)`));
  assert.equal(problemOf(unlinkSync, write, 'ext4'), null);
  // A folder has one name anyway.
  assert.equal(problemOf(rmdirSync, mkdirSync, 'vfat'), null);
});

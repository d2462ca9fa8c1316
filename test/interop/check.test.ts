/** The real CRIU's answers to `check --feature`, beside ours. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DIFFERENCES } from '../../core/check/differences.js';
import { featureNames } from '../../core/check/run.js';
import { criuTs, repository } from '../helpers/run-command.js';

const PEERS = join(repository, 'test/.peers');
/** CRIU keeps its probes of the kernel in a cache there; every run of this test asks anew. */
const runtime = mkdtempSync(join(tmpdir(), 'criu-ts-peer-'));
after(() => rmSync(runtime, { recursive: true }));

const peers = (existsSync(PEERS) ? readdirSync(PEERS) : [])
  .flatMap((name) => [name, join(name, 'root')])
  .filter((name) => existsSync(join(PEERS, name, 'usr/sbin/criu')));

/** Runs the peer through its own loader and libraries (criu.md, introduction). */
function peerCheck(peer: string, feature: string): { status: number | null; text: string } {
  const at = join(PEERS, peer);
  const loader = ['lib64', 'usr/lib64'].map((dir) => join(at, dir, 'ld-linux-x86-64.so.2')).find((path) => existsSync(path));
  assert.ok(loader, `${peer} has no loader`);
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((dir) => join(at, dir)).join(':');
  const args = ['--library-path', libraries, join(at, 'usr/sbin/criu'), 'check', '--no-default-config', '--feature', feature];
  const done = spawnSync(loader, args, { encoding: 'utf8', env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: runtime } });
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

test('there are peers', () => assert.notEqual(peers.length, 0, `no CRIU under ${PEERS}: node config/peers.mjs unpacks it`));

for (const peer of peers) {
  test(`check --feature gives the answers of ${peer}, or the difference is explained`, () => {
    const differing: string[] = [];
    for (const feature of featureNames()) {
      const theirs = peerCheck(peer, feature);
      // An older release does not know the newest names.
      if (theirs.text.includes(`Unknown feature ${feature}`)) continue;
      const ours = criuTs(['check', '--feature', feature]);
      if (ours.status !== theirs.status && !Object.hasOwn(DIFFERENCES, feature))
        differing.push(`${feature}: CRIU ${theirs.status}, ours ${ours.status}\n${theirs.text}`);
    }
    assert.deepEqual(differing, []);
  });
}

/** The real CRIU's answers to `check --feature`, beside ours. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DIFFERENCES } from '../../core/check/differences.js';
import { featureNames } from '../../core/check/run.js';
import { peers } from '../helpers/peers.js';
import { criuTs } from '../helpers/run-command.js';

/** CRIU keeps its probes of the kernel in a cache there; every run of this test asks anew. */
const runtime = mkdtempSync(join(tmpdir(), 'criu-ts-peer-'));
after(() => rmSync(runtime, { recursive: true }));

for (const { version, command } of peers()) {
  test(`check --feature gives the answers of CRIU ${version}, or the difference is explained`, () => {
    const differing: string[] = [];
    for (const feature of featureNames()) {
      const env = { PATH: process.env['PATH'], XDG_RUNTIME_DIR: runtime };
      const theirs = spawnSync(command, ['check', '--no-default-config', '--feature', feature], { encoding: 'utf8', env });
      const text = `${theirs.stdout}${theirs.stderr}`;
      // An older release does not know the newest names.
      if (text.includes(`Unknown feature ${feature}`)) continue;
      const ours = criuTs(['check', '--feature', feature]);
      if (ours.status !== theirs.status && !Object.hasOwn(DIFFERENCES, feature))
        differing.push(`${feature}: CRIU ${theirs.status ?? ''}, ours ${ours.status ?? ''}\n${text}`);
    }
    assert.deepEqual(differing, []);
  });
}

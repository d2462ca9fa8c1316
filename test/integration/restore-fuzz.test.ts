/** Sets of images that lie: see test/fuzz/restore-images.ts. CRIU_TS_FUZZ_ROUNDS and CRIU_TS_FUZZ_SEED make it longer or other. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fuzzRestore } from '../fuzz/restore-images.js';
import { scenarioOf } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { ours } from '../helpers/tools.js';
import { victims } from '../helpers/victims.js';

const root = process.getuid?.() === 0 ? false : 'needs root: the images come from real dumps';
const rounds = Number(process.env['CRIU_TS_FUZZ_ROUNDS'] ?? 100);
const seed = Number(process.env['CRIU_TS_FUZZ_SEED'] ?? 1);

describe('a restore of images with changed fields is planned or refused', { skip: root }, () => {
  for (const name of ['tree-3', 'fd-kinds', 'posix-timers', 'shared-anon', 'ghost'])
    test(name, async (context) => {
      const victim = victims().find((one) => one.name === name);
      assert.ok(victim, `no victim ${name}`);
      const scenario = scenarioOf(victim);
      const subject = new Subject(`fuzz-${name}`);
      try {
        await scenario.start(subject);
        const before = subject.processes();
        await subject.dump(ours, scenario.dumpOptions);
        await subject.waitGone('after the dump', before);
        const work = join(subject.folder, 'fuzzed');
        mkdirSync(work);
        const { planned, refused } = await fuzzRestore(subject.images, work, seed, rounds);
        context.diagnostic(`${planned} planned, ${refused} refused`);
        // Both must happen, or the fuzzer tests nothing.
        assert.ok(planned > 0 && refused > 0);
      } finally {
        await subject.close();
      }
    });
});

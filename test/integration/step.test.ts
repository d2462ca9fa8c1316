/** --step: programs of a task run from outside, op by op, and leave what the blob leaves; the task goes on unharmed. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dump } from '../../core/index.js';
import { freezeTree } from '../../core/kernel/freeze.js';
import { KernelThread } from '../../core/kernel/kernel-thread.js';
import { detachAll, readRegisters } from '../../core/kernel/outside.js';
import { cureAll } from '../../core/kernel/cure.js';
import { infectAll } from '../../core/kernel/infect.js';
import { Parasite } from '../../core/kernel/parasite.js';
import { readMaps } from '../../core/kernel/procfs/maps.js';
import { runRemote } from '../../core/kernel/remote-jobs.js';
import { RobustList } from '../../core/kernel/robust-list.js';
import type { Program } from '../../core/program/program.js';
import { Subject } from '../helpers/subject.js';
import { scenarioOf } from '../helpers/scenario.js';
import { victims } from '../helpers/victims.js';
import { outcome, place, storedPrograms, type Outcome } from '../helpers/stored-programs.js';
import { ours } from '../helpers/tools.js';

/** Several threads, processes, and objects that only the task itself can tell about. */
const VICTIMS = ['threads-10', 'sigaction', 'altstack', 'cow-tree', 'epoll-nested'];

/** What differs between any two dumps of a program that polls: times, registers, memory (the kernel writes the CPU number into the rseq area). */
const CHANGING = /^(?:stats-|inventory|timens|pages-|core-)/;

/** Text of all programs that ran in tasks, without the addresses of the arena. */
class Collected {
  readonly texts: string[] = [];
  after(program: Program): void {
    if (!program.name.startsWith('collect.') || program.name === 'collect.outside') return;
    const shape = (line: string) => line.replaceAll(/0x[0-9a-f]{8,}/g, 'ADDRESS');
    this.texts.push(program.text().split('\n').map(shape).join('\n'));
  }
}

for (const victim of victims().filter(({ name }) => VICTIMS.includes(name)))
  test(`${victim.name}: stepped and run by the blob`, async () => {
    const subject = new Subject(`step-${victim.name}`);
    try {
      const scenario = scenarioOf(victim);
      await scenario.start(subject);
      const [plain, stepped] = [new Collected(), new Collected()];
      const folders = ['warm', 'plain', 'stepped'].map((name) => join(subject.folder, name));
      for (const [i, folder] of folders.entries()) {
        mkdirSync(folder);
        // The first dump interrupts a call for the first time, which shows in the registers of all later ones.
        const observer = i === 2 ? stepped : plain;
        if (i === 1) plain.texts.length = 0;
        await dump({ pid: subject.pid, imagesDir: folder, leaveRunning: true, step: i === 2, observer });
      }
      assert.deepEqual(stepped.texts, plain.texts);
      assert.ok(plain.texts.length > 0);
      const names = readdirSync(folders[1]!).filter((name) => !CHANGING.test(name));
      assert.ok(names.some((name) => name.startsWith('mm-')));
      for (const name of names) assert.ok(readFileSync(join(folders[1]!, name)).equals(readFileSync(join(folders[2]!, name))), name);
      await scenario.finish(subject);
    } finally {
      await subject.close();
    }
  });

test('the command takes --step, and what it dumps comes back', async () => {
  const subject = new Subject('step-command');
  try {
    const scenario = scenarioOf(victims().find(({ name }) => name === 'threads-10')!);
    await scenario.start(subject);
    await subject.dump(ours, ['--step', '--trace-programs', join(subject.folder, 'trace')]);
    const trace = readdirSync(join(subject.folder, 'trace'));
    assert.ok(trace.some((name) => name.endsWith('-step.call.txt')));
    assert.ok(!trace.some((name) => name.endsWith('-remote.submit.txt')));
    await subject.waitGone('after the dump');
    await subject.restore(ours);
    await scenario.finish(subject);
  } finally {
    await subject.close();
  }
});

/** Runs every stored program in a frozen task. Failures of programs are part of the outcome. */
function runStored(pid: number, stepping: boolean): Outcome[] {
  const thread = new KernelThread();
  thread.arm(20_000);
  const [process] = freezeTree(thread, pid, { ptraceOptions: 0 });
  readRegisters(thread, process!.threads);
  const parasite = new Parasite(thread, new RobustList(thread), process!, 65536, stepping);
  infectAll(thread, [{ parasite, maps: readMaps(thread.proc, pid) ?? [] }]);
  const outcomes = storedPrograms().map((stored) => {
    const mark = parasite.arena.mark;
    const placed = place(stored, parasite.arena);
    try {
      runRemote(thread, [{ parasite, tracee: process!.main, program: placed.program }]);
    } catch (error) {
      if (parasite.statusOf(process!.main) >= 0) throw error;
    }
    const result = outcome(placed, parasite.statusOf(process!.main));
    parasite.arena.release(mark);
    return result;
  });
  cureAll(thread, [parasite]);
  detachAll(thread, process!.threads);
  assert.equal(thread.disarm(), false);
  thread.close();
  return outcomes;
}

test('stored programs: the blob in a task and the stepper leave the same', async () => {
  const subject = new Subject('step-stored');
  try {
    const scenario = scenarioOf(victims().find(({ name }) => name === 'fd-dup')!);
    await scenario.start(subject);
    assert.deepEqual(runStored(subject.pid, true), runStored(subject.pid, false));
    await scenario.finish(subject);
  } finally {
    await subject.close();
  }
});

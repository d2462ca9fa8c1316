/**
 * --shell-job: a job of one terminal's shell is dumped and goes on as a job of another terminal, in the foreground, under control-C. Ours, and with
 * the peers in both directions. (The victims are leaders of sessions of their own, so none of them needs the option.)
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { join } from 'node:path';
import { peers } from '../helpers/peers.js';
import { repository } from '../helpers/run-command.js';
import { Subject } from '../helpers/subject.js';
import { NEEDS_ROOT } from '../helpers/sweep.js';
import { dumpArguments, logTail, ours, restoreArguments, toolOf, type Tool } from '../helpers/tools.js';
import { systemProgram } from '../programs/programs.js';
import { startTyped, type } from '../programs/typed.js';

const JOB = join(repository, 'test/programs/job.py');

interface Line {
  readonly count: number;
  readonly pid: number;
  readonly pgrp: number;
  readonly session: number;
  readonly foreground: number;
  readonly terminal: string;
}

/** What the job has said on its terminal, whole lines only. */
function linesOf(terminal: Subject): Line[] {
  const form = /count (\d+) pid (\d+) pgrp (\d+) session (\d+) foreground (\d+) terminal (\w+)\./g;
  return [...terminal.output().matchAll(form)].map(([, ...words]) => {
    const [count, pid, pgrp, session, foreground] = words.slice(0, 5).map(Number) as [number, number, number, number, number];
    return { count, pid, pgrp, session, foreground, terminal: words[5]! };
  });
}

/** A terminal: script(1), with `command` as the first program of its session. */
function openTerminal(subject: Subject, command: string): void {
  startTyped(subject, systemProgram('script', 'bsdutils'), ['-q', '-f', '-c', command, '/dev/null']);
}

function assertInForeground(line: Line, where: string): void {
  const { pid, pgrp, foreground, terminal } = line;
  assert.deepEqual({ pgrp, foreground, terminal }, { pgrp: pid, foreground: pid, terminal: 'yes' }, where);
}

async function moveJob(dump: Tool, restore: Tool): Promise<void> {
  const first = new Subject('shell-job-first');
  const second = new Subject('shell-job-second');
  try {
    // `; :` keeps the shell, which would become the job otherwise; -m gives the job a group of its own.
    openTerminal(first, `exec bash -c 'set -m; ${systemProgram('python3', 'python3')} -I ${JOB}; :'`);
    await first.waitUntil(() => linesOf(first).length >= 3, 'the job to count');
    const { pid, session } = linesOf(first)[0]!;
    assertInForeground(linesOf(first)[0]!, 'before');
    assert.notEqual(session, pid, 'the job leads a session: it is no job');

    const step = { images: first.images, work: first.folder, options: ['--shell-job'] };
    const done = await first.call(dump, dumpArguments(pid, step));
    assert.equal(done.status, 0, `${dump.name} dump: ${done.text}\n${logTail(first.folder, 'dump.log')}`);
    await first.waitGone('after the dump');
    const last = linesOf(first).at(-1)!.count;

    const words = restoreArguments(step).filter((word) => word !== '-d');
    openTerminal(second, `exec ${[restore.command, ...words].join(' ')}`);
    await second
      .waitUntil(() => linesOf(second).length >= 3, 'the job to go on')
      .catch((error: Error) => assert.fail(`${error.message}\n${logTail(first.folder, 'restore.log')}`));
    const now = linesOf(second);
    assert.equal(now[0]!.count, last + 1, 'it did not go on from where it was');
    assert.equal(now[0]!.pid, pid);
    assertInForeground(now.at(-1)!, 'after');
    assert.notEqual(now.at(-1)!.session, session, 'it is in the session of the first terminal still');

    type(second, '\u0003');
    await second.waitUntil(() => second.output().includes('interrupted after'), 'control-C');
    await second.waitGone('after control-C');
  } finally {
    await first.close();
    await second.close();
  }
}

describe('a shell job moves to another terminal', { concurrency: 1, skip: NEEDS_ROOT }, () => {
  const others = peers().map(toolOf);
  const ways: [Tool, Tool][] = [
    [ours, ours],
    ...others.flatMap((peer): [Tool, Tool][] => [
      [ours, peer],
      [peer, ours],
    ]),
  ];
  for (const [dump, restore] of ways) test(`${dump.name} to ${restore.name}`, { timeout: 120_000 }, () => moveJob(dump, restore));
});

/** An interactive shell with job control on a pty of its own, under script(1). */
import type { Scenario } from '../helpers/scenario.js';
import type { Subject } from '../helpers/subject.js';
import { systemProgram } from './programs.js';
import { ask, startTyped, type } from './typed.js';

// Quotes inside the words keep the echo of what is typed from looking like the answer.
const start: Scenario['start'] = async (subject) => {
  startTyped(subject, systemProgram('script', 'bsdutils'), ['-q', '-f', '-c', '/bin/bash --norc --noprofile -i', '/dev/null']);
  await ask(subject, "echo re''ady", 'ready');
  await ask(subject, "number=41; sleep 1000 & echo start''ed $$", 'started');
  await ask(subject, "stty cols 91 rows 33; stty -a | tr ';' '\\n' | grep -c 'columns 9''1'", '1');
};

/** The shell is still the one that it was: variables, jobs, terminal. */
async function askShell(subject: Subject): Promise<void> {
  await ask(subject, "echo ans''wer $((number + 1))", 'answer 42');
  await ask(subject, 'jobs', 'Running');
  await ask(subject, "echo si''ze $(stty size)", 'size 33 91');
  await ask(subject, "kill %1; wait %1; echo sta''tus $?", 'status 143');
}

async function leave(subject: Subject): Promise<void> {
  type(subject, 'exit');
  await subject.waitUntil(() => subject.processes().length === 0, 'the end of script');
}

export const shellUnderScript: Scenario = {
  name: 'script',
  dumpOptions: [],
  restoreOptions: [],
  start,
  finish: async (subject) => {
    await askShell(subject);
    await leave(subject);
  },
};

/** And jobs get the terminal, with control-C on it. */
export const shellJobs: Scenario = {
  name: 'script-jobs',
  dumpOptions: [],
  restoreOptions: [],
  start,
  finish: async (subject) => {
    await askShell(subject);
    // A child that prints has been given the terminal before.
    await ask(subject, "(echo in''side; exec sleep 500)", 'inside');
    // Control-C reaches the job in the foreground through the line discipline, and the shell goes on.
    await ask(subject, "\u0003echo af''ter", 'after', 5000);
    await leave(subject);
  },
};

/** sqlite3 in the middle of a transaction on a file. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Scenario } from '../helpers/scenario.js';
import { SubjectFailure } from '../helpers/subject.js';
import { systemProgram } from './programs.js';
import { ask, startTyped, type } from './typed.js';

/** Rows of the open transaction: more than the page cache holds, so that part of them is in the file and the journal holds what was there. */
const ROWS = 5000;

export const sqlite3: Scenario = {
  name: 'sqlite3',
  dumpOptions: [],
  restoreOptions: [],
  start: async (subject) => {
    const program = systemProgram('sqlite3', 'sqlite3');
    // Locks by a file beside the database: record locks (fcntl) belong to --file-locks and a test of their own.
    startTyped(subject, program, ['-batch', '-vfs', 'unix-dotfile', 'data.db']);
    await ask(
      subject,
      "pragma cache_size = 10; create table t (n integer, v text); insert into t values (0, 'first'); select 're' || 'ady';",
      'ready',
    );
    const insert = `insert into t with recursive r(i) as (select 1 union all select i + 1 from r where i < ${ROWS}) select i, hex(zeroblob(50)) from r;`;
    await ask(subject, `begin immediate; ${insert} select 'rows ' || count(*) from t;`, `rows ${ROWS + 1}`);
  },
  finish: async (subject) => {
    await ask(subject, "select 'still ' || count(*) from t;", `still ${ROWS + 1}`);
    await ask(subject, "insert into t values (-1, 'last'); commit; select 'commit' || 'ted';", 'committed');
    type(subject, '.quit');
    await subject.waitUntil(() => subject.processes().length === 0, 'the end of sqlite3');
    const query = "pragma integrity_check; select count(*) || ' ' || min(n) || ' ' || max(n) from t;";
    const answer = execFileSync(systemProgram('sqlite3', 'sqlite3'), ['-batch', join(subject.cwd, 'data.db'), query], { encoding: 'utf8' });
    if (answer !== `ok\n${ROWS + 2} -1 ${ROWS}\n`) throw new SubjectFailure(`the database says ${answer}`);
  },
};

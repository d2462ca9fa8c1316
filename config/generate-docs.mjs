// Makes the reference pages in core/docs from the tables of the compiled program (npm run build first).
//   --check  only compares and fails when a page is stale
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const root = new URL('..', import.meta.url).pathname;
const load = (path) => import(`${root}dist/core/${path}`);
const { ERROR_CODES } = await load('errors.js');
const { STAGES } = await load('stages.js');
const { OPTION_GROUPS } = await load('config/options-table.js');
const { COMMANDS } = await load('config/settings.js');
const { OPTION_KEYS } = await load('config/keys.js');
const { FEATURES, BASICS } = await load('check/table.js');
const { DIFFERENCES } = await load('check/differences.js');

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`)].join(
    '\n',
  );
const note = (source) => `<!-- Made from ${source} by config/generate-docs.mjs. Do not edit. -->`;

const errors = [
  '# Errors',
  note('core/errors.ts'),
  'Every failure is reported as `CODE  thing: what happened`, then the system call with its errno when there was one, then the state that the target processes are in and the next step. The library rejects with `CrError`, which has all of this as fields. No failure of input or environment shows a stack trace.',
  table(
    ['Code', 'Meaning', 'Usual next step'],
    Object.entries(ERROR_CODES).map(([code, { meaning, fix }]) => [`\`${code}\``, meaning, fix]),
  ),
  'State of the target: `running` (unharmed), `frozen`, `stopped`, `destroyed` (killed, or everything that was created is gone again), `not started`.',
  'Exit status: 1, except for a failed post-dump action script, whose own status is passed on, and the removed command `exec` (255).',
];

const titles = { dump: 'dump', preDump: 'pre-dump (not built yet)', restore: 'restore' };
const stages = [
  '# Stages',
  note('core/stages.ts'),
  'An operation is a sequence of named stages. Each has `before`, `after` and `failed` hooks (core/hooks.ts); `criu-ts stages` prints this table with who is attached where. The times of all stages go to the log at verbosity 4. `--timeout` bounds the stages that say so; the calls of the others are bounded one by one. SIGINT and SIGTERM (an AbortSignal in the library) take effect before the next stage, except before the last ones, whose tree is `final`.',
];
for (const [operation, rows] of Object.entries(STAGES)) {
  stages.push(`## ${titles[operation]}`);
  stages.push(
    table(
      ['Stage', 'Tree', 'Deadline', 'What happens', 'Undone by'],
      Object.entries(rows).map(([name, { target, deadline, doc, undo }]) => [
        `\`${name}\``,
        target,
        deadline === 'timeout' ? '`--timeout`' : '',
        doc,
        undo,
      ]),
    ),
  );
}

const scope = (row) => (row.scope === 'all' ? 'all' : row.scope.join(', '));
const names = (row) =>
  `${row.short ? `\`-${row.short}\` ` : ''}\`--${row.negatable ? '[no-]' : ''}${row.long}${{ none: '', required: ' ARG', optional: '[=ARG]' }[row.arg]}\``;
const options = [
  '# Commands and options',
  note('core/config/settings.ts and core/config/options-table.ts'),
  'Options and words may come in any order; long names may be cut to a unique prefix; short options may be bundled and their value attached (`-v4`, `-Rt 5`); `--` ends the options. Config files hold one long option per line without dashes (core/config/criu-file.ts). An option of CRIU that is not built is refused by name with status 1 when it would matter to the command.',
  '## Commands',
  table(
    ['Command', 'What it does', 'Built'],
    Object.entries(COMMANDS).map(([name, { help, built }]) => [`\`${name}\``, help, built ? 'yes' : 'no']),
  ),
];
for (const [title, rows] of OPTION_GROUPS) {
  options.push(`## ${title}`);
  const built = rows.filter((row) => row.built);
  if (built.length > 0)
    options.push(
      table(
        ['Option', 'Commands', 'Meaning', 'In CRIU'],
        built.map((row) => [names(row), scope(row), row.help, row.criu ? 'yes' : 'no']),
      ),
    );
  const missing = rows.filter((row) => !row.built);
  if (missing.length > 0) options.push(`Not built yet: ${missing.map((row) => `\`--${row.long}\``).join(', ')}.`);
}

const check = [
  '# check',
  note('core/check/table.ts and core/check/differences.ts'),
  '`criu-ts check` probes by doing: every probe is a small program in a process of its own (with mounts or a network of its own where needed), and the result is judged by what came back. `required` rows are what plain `check` needs; `--extra` adds `extra`, `--experimental` adds `experimental`, `--all` both; `named` ones are probed by name only. `--feature NAME` ends with 0 or 1; `--feature list` prints the 45 names of CRIU.',
  '## Features',
  table(
    ['Name', 'When', 'Without it'],
    Object.entries(FEATURES).map(([name, row]) => [`\`${name}\``, row.category, row.matters]),
  ),
  '## What plain check needs besides',
  table(
    ['Name', 'When', 'Without it'],
    Object.entries(BASICS).map(([name, row]) => [`\`${name}\``, row.category, row.matters]),
  ),
  '## Where the answer may differ from CRIU',
  table(
    ['Name', 'Why'],
    Object.entries(DIFFERENCES).map(([name, why]) => [`\`${name}\``, why]),
  ),
];

/** The type of a value in `criu.config.*`. */
function keyType({ arg, takes, many }) {
  if (arg === 'none') return 'boolean';
  const one = Array.isArray(takes)
    ? takes.map((choice) => `'${choice}'`).join(' | ')
    : { text: 'string', number: 'number', size: 'number | string' }[takes];
  return many ? `${one} | readonly ${one}[]` : one;
}

const optionDefaults = [
  `/** Keys of \`criu.config.*\` that are options. Made from core/config/options-table.ts by config/generate-docs.mjs. Do not edit. */\nexport interface OptionDefaults {\n${[
    ...OPTION_KEYS,
  ]
    .filter(([, row]) => row.built)
    .map(([key, row]) => `  /** ${row.help} (--${row.long}; ${scope(row)}). */\n  readonly ${key}?: ${keyType(row)};`)
    .join('\n')}\n}`,
];

const { PLUGIN_HOOKS, targetOf } = await load('plugins/hook-table.js');
const hookTypes = new Map(
  [
    ...['hook-table', 'uncalled-hooks']
      .map((name) => readFileSync(`${root}core/plugins/${name}.ts`, 'utf8'))
      .join('')
      .matchAll(/'([\w.]+)': \{ context: ([^;]+); answer: ([^;]+) \};/g),
  ].map(([, name, context, answer]) => [name, { context, answer }]),
);
const hooks = [
  '# Hooks',
  note('core/plugins/hook-table.ts'),
  'What a plugin may tap in `apply()`. `broadcast`: every plugin, in order; `claim`: asked about one object, which exactly one plugin may have; `owner`: only the plugin that claimed the object; `waterfall`: each gets what the one before answered. Contexts and answers are types of the SDK. Every call has the deadline that is named, unless the manifest has another (`deadlines`); 0 means that the answer must come at once and not as a promise; where that takes two seconds, or what the manifest says, the tree is let go. A failed hook is an error with plugin, version, hook and place of registration. Besides these, every stage has `OPERATION.STAGE:before`, `:after` and `:failed` (core/docs/stages.md), tapped with `host.onStage()`.',
];
for (const operation of ['dump', 'restore']) {
  const order = Object.keys(STAGES[operation]);
  const rows = Object.entries(PLUGIN_HOOKS)
    .filter(([, info]) => info.operation === operation)
    .sort(([, a], [, b]) => order.indexOf(a.stage) - order.indexOf(b.stage));
  hooks.push(`## ${operation}, in the order of the stages`);
  rows.forEach(([name, { kind, stage, deadlineMs, reverse, uncalled, since, doc, undo }]) => {
    const { context, answer } = hookTypes.get(name);
    const at = order.indexOf(stage);
    const between = [order[at - 1] && `after \`${order[at - 1]}\``, order[at + 1] && `before \`${order[at + 1]}\``]
      .filter(Boolean)
      .join(', ');
    hooks.push(`### ${name}`, uncalled === undefined ? doc : `${doc} **Never called in this version: ${uncalled}.**`);
    hooks.push(
      table(
        ['Kind', 'Context', 'Answer', 'Stage', 'Tree', 'Deadline', 'Undone by', 'Since'],
        [
          [
            kind + (reverse ? ', in reverse order' : ''),
            `\`${context}\``,
            `\`${answer}\``,
            `\`${stage}\` (${between})`,
            targetOf(operation, stage),
            deadlineMs === 0 ? 'at once' : `${deadlineMs} ms`,
            undo,
            since,
          ],
        ],
      ),
    );
  });
}

/** What the declarations of the SDK say, without comments: a change here is a change of the API. */
const REPORTED = [
  ...[
    'index',
    'define',
    'testing/index',
    'testing/host-double',
    'testing/fault-sweep',
    'testing/golden',
    'testing/native-here',
    'testing/victim',
  ].map((name) => `plugins/sdk/${name}`),
  ...['api-version', 'contexts', 'definition', 'hook-table', 'uncalled-hooks'].map((name) => `core/plugins/${name}`),
];
const printer = ts.createPrinter({ removeComments: true });
const declarations = REPORTED.flatMap((name) => {
  const source = ts.createSourceFile(`${name}.d.ts`, readFileSync(`${root}dist/${name}.d.ts`, 'utf8'), ts.ScriptTarget.Latest);
  return [`## ${name}.d.ts`, `\`\`\`ts\n${printer.printFile(source).trim()}\n\`\`\``];
});
const report = [
  '# API report of @criu-ts/plugin-sdk',
  note('the declarations'),
  'A pull request that changes this file changes the API: docs/versions.md says which version number that needs.',
  ...declarations,
];

const pages = {
  'core/docs/errors.md': errors,
  'core/docs/stages.md': stages,
  'core/docs/options.md': options,
  'core/docs/check.md': check,
  'core/config/option-defaults.ts': optionDefaults,
  'plugins/sdk/docs/hooks.md': hooks,
  'plugins/sdk/api.report.md': report,
};
let stale = 0;
for (const [name, parts] of Object.entries(pages)) {
  const file = `${root}${name}`;
  const style = await resolveConfig(file);
  const text = await format(`${parts.join('\n\n')}\n`, { ...style, filepath: file });
  let old = '';
  try {
    old = readFileSync(file, 'utf8');
  } catch {
    // First run: there is nothing to compare with.
  }
  if (old === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`${name} is stale: run npm run docs`);
    stale++;
  } else writeFileSync(file, text);
}
process.exitCode = stale > 0 ? 1 : 0;

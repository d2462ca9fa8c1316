/** `criu-ts plugin`: what plugins there are, who runs where, and whether a checkpoint can be restored with them. */
import { CrError } from '../errors.js';
import { Hooks } from '../hooks.js';
import { ImageReader } from '../images/reader.js';
import { createLog, type Log, writeAll } from '../log.js';
import { nearest } from '../nearest.js';
import { inspectOptions, type Settings } from '../config/settings.js';
import { demandOf, enforce, verdictLines } from '../plugins/enforce.js';
import { runPluginNew } from './plugin-new.js';
import { NO_WATCH } from '../plugins/guard.js';
import { HOOK_NAMES, PLUGIN_HOOKS, targetOf, uncalledReason } from '../plugins/hook-table.js';
import { type Inspected, inspectPlugins } from '../plugins/inspect.js';
import { chooserOf, openChosen } from '../plugins/open.js';
import { readRecord } from '../images/plugin-record.js';
import { readInventory } from '../restore/read.js';
import { ProcReader } from '../kernel/procfs/reader.js';
import type { Operation } from '../stages.js';
import type { CommandRunner } from './main.js';

type Words = readonly string[];
type Action = (words: Words, settings: Settings, log: Log) => Promise<number>;

function print(lines: readonly string[]): void {
  writeAll(1, lines.map((line) => `${line}\n`).join(''));
}

function usage(message: string, hint: string): CrError {
  return new CrError('CR_USAGE', { message, hint, target: 'not started' });
}

function line({ name, version, state, reason, source }: Inspected): string {
  return `${name.padEnd(20)} ${version.padEnd(10)} ${state.padEnd(12)} ${source}${reason === '' ? '' : `\n${' '.repeat(44)}${reason}`}`;
}

/** Everything that was found, what of it a dump would load, and why not the rest. */
const list: Action = async (_words, settings, log) => {
  const all = await inspectPlugins(inspectOptions(settings), log);
  if (settings.stages === true) return listStages(settings, log);
  if (settings.format === 'json') print([JSON.stringify(all, null, 2)]);
  else print(all.length === 0 ? ['No plugins were found.'] : all.map(line));
  return 0;
};

/** Who runs where: the taps of a dump and of a restore, in order. */
async function listStages(settings: Settings, log: Log): Promise<number> {
  for (const operation of ['dump', 'restore'] as const) {
    const hooks = new Hooks();
    const options = inspectOptions(settings);
    const open = openChosen(await chooserOf(options, 'dump', log).forDump(), {
      operation,
      options,
      hooks,
      log,
      proc: new ProcReader(),
      watch: NO_WATCH,
      images: () => NO_IMAGES,
    });
    print([`${operation}:`, ...stageLines(operation, hooks)]);
    await open?.close();
  }
  return 0;
}

const NO_IMAGES = {
  write: () => undefined,
  read: (name: string): Uint8Array => {
    throw usage(`there are no images to read ${name} from`, 'Call it in a hook.');
  },
  path: (name: string) => name,
};

function stageLines(operation: Operation, hooks: Hooks): string[] {
  const rows = HOOK_NAMES.filter((name) => PLUGIN_HOOKS[name].operation === operation).map((name) => ({
    stage: PLUGIN_HOOKS[name].stage,
    hook: name,
    names: hooks.tappedBy(name),
  }));
  const points = hooks
    .tappedStages(operation)
    .flatMap(({ stage, taps }) => Object.entries(taps).map(([point, names]) => ({ stage, hook: `${operation}.${stage}:${point}`, names })));
  return [...rows, ...points]
    .filter(({ names }) => names.length > 0)
    .map(({ stage, hook, names }) => {
      const never = uncalledReason(hook);
      return `  ${stage.padEnd(20)} ${hook.padEnd(28)} ${names.join(', ')}${never === null ? '' : ` (never called: ${never})`}`;
    });
}

/** The verdict of a restore, without one. */
const check: Action = async ([dir], settings, log) => {
  if (dir === undefined) throw usage('plugin check needs the folder of a checkpoint', 'criu-ts plugin check DIR');
  const images = new ImageReader(dir);
  const demand = demandOf(readInventory(images), images.pathOf('inventory.img'));
  if (demand.kind === 'all') print(['An image of CRIU 4.0 or older, which does not say what it needs: every plugin is enabled.']);
  if (demand.kind === 'exactly' && demand.names.length === 0) print(['The checkpoint needs no plugin.']);
  const { verdicts } = await chooserOf(inspectOptions(settings), 'restore', log).forRestore(demand, readRecord(images));
  if (verdicts.length > 0) print(verdictLines(verdicts).map((text) => text.trimStart()));
  enforce(verdicts);
  return 0;
};

function diagnosisLines({ name, version, state, reason, source, points, report }: Inspected): string[] {
  const rows: readonly (readonly [topic: string, text: string])[] = [
    ['found', source],
    ...points.map(({ topic, ok, text }) => [topic, `${ok ? 'ok' : 'NO'}: ${text}`] as const),
    ...(reason === '' ? [] : [[`why ${state}`, reason] as const]),
  ];
  return [
    `${name} ${version}: ${state}`,
    ...rows.map(([topic, text]) => `  ${topic.padEnd(14)} ${text}`),
    ...report.map((text) => `  ${text}`),
  ];
}

/** Where each plugin is, what it asks for, whether that is here, and what it says itself about this host; ends with 1 when the one that was named cannot work. */
const doctor: Action = async ([name], settings, log) => {
  const all = await inspectPlugins(inspectOptions(settings), log, { only: name, diagnosis: true });
  if (name !== undefined && all.length === 0) throw usage(`there is no plugin "${name}"`, 'criu-ts plugin list tells which there are.');
  if (settings.format === 'json') print([JSON.stringify(all, null, 2)]);
  else print(all.length === 0 ? ['No plugins were found.'] : all.flatMap(diagnosisLines));
  return name !== undefined && all.some(({ state }) => state !== 'enabled') ? 1 : 0;
};

/** The hook table, for authors without the documentation at hand. */
const hooks: Action = () => {
  print(
    HOOK_NAMES.flatMap((name) => {
      const { kind, operation, stage, doc, since, uncalled } = PLUGIN_HOOKS[name];
      const never = uncalled === undefined ? [] : [`  Never called in this version: ${uncalled}.`];
      return [`${name}  (${kind}, since ${since}; tree: ${targetOf(operation, stage)})`, `  ${doc}`, ...never];
    }),
  );
  return Promise.resolve(0);
};

const create: Action = (words, settings) => {
  print(runPluginNew(words, settings.native === true));
  return Promise.resolve(0);
};

const ACTIONS: Readonly<Record<string, Action>> = { list, check, doctor, hooks, new: create };

export const runPlugin: CommandRunner = async ({ words, settings }, keepLog) => {
  const [word = '', ...rest] = words;
  const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
  if (!action) {
    const near = nearest(word, Object.keys(ACTIONS));
    throw usage(
      `there is no "plugin ${word}"`,
      near === undefined ? `There are ${Object.keys(ACTIONS).join(', ')}.` : `Did you mean plugin ${near}?`,
    );
  }
  const log = createLog({ verbosity: settings.engine.verbosity ?? 2, sink: (text) => writeAll(2, text) });
  keepLog(log);
  return action(rest, settings, log);
};

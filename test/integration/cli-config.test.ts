/** `criu.config.*` as a user and an attacker write it, read by the installed command. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { launcher, repository } from '../helpers/run-command.js';

const root = mkdtempSync(join(tmpdir(), 'criu-ts-cli-config-'));
after(() => rmSync(root, { recursive: true }));
const skip = process.geteuid?.() === 0 ? false : 'needs root (chown)';

/** Anybody but root. */
const OTHER = 65534;
let made = 0;

/** A new folder with these files. */
function folder(files: Readonly<Record<string, string>> = {}): string {
  const path = join(root, String(made++));
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** No file of this machine but those in /etc/criu, which no test machine has. */
function criuTs(cwd: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): SpawnSyncReturns<string> {
  return spawnSync(launcher, words, { cwd, encoding: 'utf8', timeout: 60_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env } });
}

interface Printed {
  readonly file: string | null;
  readonly refused: readonly string[];
  readonly options: Readonly<Record<string, { readonly value: unknown; readonly from: Readonly<Record<string, unknown>> }>>;
  readonly plugins: readonly { readonly value: Readonly<Record<string, unknown>> }[];
}

function printed(cwd: string, words: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Printed {
  const done = criuTs(cwd, ['config', '--format', 'json', ...words], env);
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  return JSON.parse(done.stdout) as Printed;
}

const IMPORT = "import { defineConfig } from 'criu-ts';\n";
const FORMS: Readonly<Record<string, string>> = {
  'criu.config.ts': `${IMPORT}import type { CriuConfig } from 'criu-ts';\nconst seconds = (n: number): number => n;\nexport default defineConfig({ timeout: seconds(7) } satisfies CriuConfig);`,
  'criu.config.mjs': `${IMPORT}export default defineConfig({ timeout: await Promise.resolve(7) });`,
  'criu.config.js': `${IMPORT}export default defineConfig({ timeout: 7 });`,
  'criu.config.cjs': "const { defineConfig } = require('criu-ts');\nmodule.exports = defineConfig({ timeout: require('./seven.cjs') });",
  'criu.config.json': '{ "timeout": 7 }',
  'criu.config.yaml': 'timeout: 7',
};

for (const [name, text] of Object.entries(FORMS)) {
  test(`${name} is found above the working folder and read`, { skip }, () => {
    const top = folder({ [name]: text, 'seven.cjs': 'module.exports = 7;' });
    mkdirSync(join(top, 'a/b'), { recursive: true });
    const { file, options } = printed(join(top, 'a/b'));
    assert.equal(file, join(top, name));
    assert.deepEqual(options['timeoutMs'], { value: 7000, from: { kind: 'file', file, key: 'timeout' } });
    assert.deepEqual(options['verbosity'], { value: 2, from: { kind: 'default' } });
  });
}

/** Packages that the command loads when it runs there. */
function loaded(cwd: string): string[] {
  const spy = folder({
    'spy.cjs': `const Module = require('node:module');
      const load = Module._load;
      Module._load = function (name, ...rest) {
        if (!name.startsWith('node:')) require('node:fs').appendFileSync(__dirname + '/loaded', name + '\\n');
        return load.call(this, name, ...rest);
      };`,
    loaded: '',
  });
  const boot = join(repository, 'core/cli/boot.cjs');
  const done = spawnSync(process.execPath, ['--require', join(spy, 'spy.cjs'), boot, 'config'], { cwd, encoding: 'utf8', env: {} });
  assert.equal(done.status, 0, done.stderr);
  return readFileSync(join(spy, 'loaded'), 'utf8').split('\n');
}

test('without a configuration nothing is loaded that reads one; what reads TypeScript is loaded for TypeScript', { skip }, () => {
  const [data, types] = ['cosmiconfig', '@swc/wasm-typescript'];
  const has = (cwd: string) => [data, types].map((name) => loaded(cwd).includes(name));
  assert.deepEqual(has(folder()), [false, false]);
  assert.deepEqual(has(folder({ 'criu.config.json': '{ "timeout": 7 }' })), [true, false]);
  assert.deepEqual(has(folder({ 'criu.config.ts': FORMS['criu.config.ts']! })), [false, true]);
});

test('CommonJS in a .js file, other files beside it, and the whole library when more than defineConfig is asked for', { skip }, () => {
  assert.equal(printed(folder({ 'criu.config.js': 'module.exports = { timeout: 7 };' })).options['timeoutMs']?.value, 7000);
  const parts = { 'part.ts': 'export const part: { timeout: number } = { timeout: 7 };' };
  assert.equal(
    printed(folder({ ...parts, 'criu.config.ts': "export { part as default } from './part.ts';" })).options['timeoutMs']?.value,
    7000,
  );
  const whole = "import { defineConfig, CRIU_LEVEL } from 'criu-ts';\nexport default defineConfig({ timeout: CRIU_LEVEL.major });";
  assert.equal(printed(folder({ 'criu.config.ts': whole })).options['timeoutMs']?.value, 4000);
});

test('--config, CRIU_CONFIG_FILE, the folder of the images, XDG_CONFIG_HOME, the working folder: in this order', { skip }, () => {
  const [named, env, images, user, working] = ['named', 'env', 'images', 'user', 'working'].map((name) => {
    const at = folder();
    mkdirSync(join(at, 'criu'));
    writeFileSync(join(at, name === 'user' ? 'criu/criu.config.json' : 'criu.config.json'), '{}');
    return at;
  }) as [string, string, string, string, string];
  const file = (words: readonly string[], more: Readonly<Record<string, string>>): string | null => printed(working, words, more).file;
  const own = (at: string): string => join(at, 'criu.config.json');
  assert.equal(file(['--config', own(named), '-D', images], { CRIU_CONFIG_FILE: own(env), XDG_CONFIG_HOME: user }), own(named));
  assert.equal(file(['-D', images], { CRIU_CONFIG_FILE: own(env), XDG_CONFIG_HOME: user }), own(env));
  assert.equal(file(['-D', images], { XDG_CONFIG_HOME: user }), own(images));
  assert.equal(file(['-D', '/'], { XDG_CONFIG_HOME: user }), join(user, 'criu/criu.config.json'));
  assert.equal(file(['-D', '/'], {}), own(working));
  assert.equal(file(['--no-default-config'], { XDG_CONFIG_HOME: user }), null);
});

/** Leaves a mark when it runs. */
function trap(): { at: string; file: string; mark: string } {
  const at = folder();
  const mark = join(at, 'ran');
  const file = join(at, 'criu.config.mjs');
  writeFileSync(file, `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(mark)}, '');\nexport default {};`);
  return { at, file, mark };
}

type Spoil = (trap: { at: string; file: string }) => void;
const SPOILS: Readonly<Record<string, [Spoil, RegExp]>> = {
  'of another user': [
    ({ file }) => chownSync(file, OTHER, OTHER),
    /criu\.config\.mjs: belongs to user 65534[^]*chown -h 0 \S*criu\.config\.mjs/,
  ],
  'that its group can write': [
    ({ file }) => chmodSync(file, 0o664),
    /criu\.config\.mjs: can be written by its group[^]*chmod go-w \S*criu\.config\.mjs/,
  ],
  'in a folder of another user': [({ at }) => chownSync(at, OTHER, OTHER), /belongs to user 65534[^]*chown -h 0/],
  'in a folder that everybody can write': [({ at }) => chmodSync(at, 0o777), /can be written by everybody[^]*chmod go-w/],
};

for (const [name, [spoil, refusal]] of Object.entries(SPOILS)) {
  test(`a file ${name} is not run: an error where somebody named it, a warning where it was merely found`, { skip }, () => {
    const { at, file, mark } = trap();
    assert.equal(printed(at).file, file);
    assert.ok(existsSync(mark), 'the trap works');
    rmSync(mark);
    spoil({ at, file });
    for (const env of [{}, { CRIU_CONFIG_FILE: file }]) {
      const named = criuTs('/', ['dump', '-t', '1', ...('CRIU_CONFIG_FILE' in env ? [] : ['--config', file])], env);
      assert.equal(named.status, 1);
      assert.match(named.stderr, /^CR_NO_PERMISSION {2}/);
      assert.match(named.stderr, refusal);
    }
    const { file: used, refused } = printed(at, ['-D', '/']);
    assert.deepEqual([used, refused.length], [null, 1]);
    assert.match(refused[0] ?? '', refusal);
    assert.match(criuTs(at, ['check', '--feature', 'ns_pid']).stderr, refusal);
    assert.equal(existsSync(mark), false, 'it ran');
  });
}

test('a folder far above that others can write', { skip }, () => {
  const { at, mark } = trap();
  const deep = join(at, 'a/b');
  mkdirSync(deep, { recursive: true });
  const inner = join(deep, 'criu.config.mjs');
  writeFileSync(inner, `import '${join(at, 'criu.config.mjs')}';\nexport default {};`);
  chmodSync(join(at, 'a'), 0o775);
  assert.match(criuTs('/', ['dump', '-t', '1', '--config', inner]).stderr, /\/a: can be written by its group/);
  assert.equal(existsSync(mark), false);
});

test("links: somebody else's is not followed, ours is followed to files that are checked", { skip }, () => {
  const { at, file, mark } = trap();
  const theirs = join(at, 'theirs.mjs');
  symlinkSync(file, theirs);
  lchownSync(theirs, OTHER, OTHER);
  assert.match(criuTs('/', ['dump', '-t', '1', '--config', theirs]).stderr, /theirs\.mjs: belongs to user 65534/);
  const ours = join(at, 'ours.mjs');
  symlinkSync('criu.config.mjs', ours);
  chmodSync(file, 0o666);
  assert.match(
    criuTs('/', ['dump', '-t', '1', '--config', ours]).stderr,
    /criu\.config\.mjs: can be written by everybody: the configuration \S*ours\.mjs is not run/,
  );
  assert.equal(existsSync(mark), false);
  chmodSync(file, 0o644);
  assert.equal(printed('/', ['--config', ours]).file, ours);
  assert.ok(existsSync(mark));
});

test('what a file imports is checked too, before any of it runs', { skip }, () => {
  const { at, file, mark } = trap();
  for (const [name, text] of [
    ['a.ts', `import ${JSON.stringify(file)};\nimport './b.ts';\nexport default {};`],
    ['b.ts', 'export {};'],
    ['c.cjs', "require('./d.cjs');"],
    ['d.cjs', ''],
  ] as const)
    writeFileSync(join(at, name), text);
  chmodSync(join(at, 'b.ts'), 0o666);
  assert.match(
    criuTs('/', ['dump', '-t', '1', '--config', join(at, 'a.ts')]).stderr,
    /^CR_NO_PERMISSION {2}\S*b\.ts: can be written by everybody/,
  );
  assert.equal(existsSync(mark), false);
  chmodSync(join(at, 'd.cjs'), 0o666);
  assert.match(
    criuTs('/', ['dump', '-t', '1', '--config', join(at, 'c.cjs')]).stderr,
    /^CR_NO_PERMISSION {2}\S*d\.cjs: can be written by everybody/,
  );
});

test('mistakes in code: the place and what is wrong, no stack', { skip }, () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['criu.config.ts', 'const a: = 3;', /criu\.config\.ts:1:10: /],
    ['criu.config.ts', 'enum A { B }\nexport default {};', /criu\.config\.ts:1:1: .*enum.*\n.*types that can be erased/],
    ['criu.config.ts', 'const a: number = 3;\nthrow new Error(`no ${a}`);', /criu\.config\.ts:2:7: Error: no 3/],
    ['criu.config.mjs', "import 'not-installed';", /criu\.config\.mjs: .*Cannot find package 'not-installed'/],
    ['criu.config.mjs', 'export const a = 1;', /criu\.config\.mjs: has no default export/],
    ['criu.config.cjs', 'module.exports = {', /criu\.config\.cjs: SyntaxError: /],
  ];
  for (const [name, text, pattern] of cases) {
    const done = criuTs(folder({ [name]: text }), ['config']);
    assert.equal(done.status, 1);
    assert.match(done.stderr, pattern);
    assert.match(done.stderr, /^CR_USAGE {2}/);
    assert.doesNotMatch(done.stderr, /\n\s+at /);
  }
});

test('a mistake in JSON is told without pictures and colours, also where the environment asks for them', { skip }, () => {
  const at = folder({ 'criu.config.json': '{"timeout": 3, }' });
  for (const env of [{}, { CI: 'true' }, { FORCE_COLOR: '1' }]) {
    const done = criuTs(at, ['config'], env);
    assert.equal(done.status, 1);
    assert.match(done.stderr, /criu\.config\.json: Expected double-quoted property name in JSON at position 15/);
    assert.ok(!done.stderr.includes('\u001b'));
  }
});

test('a dump takes its options from the file; the command line has the last word', { skip }, () => {
  const target = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  after(() => target.kill('SIGKILL'));
  const images = folder();
  const text = `${IMPORT}export default defineConfig({ imagesDir: ${JSON.stringify(images)}, leaveRunning: true, logFile: 'file.log', profiles: { quiet: { logFile: 'quiet.log' } } });`;
  const at = folder({ 'criu.config.ts': text });
  const dump = ['dump', '-t', String(target.pid)];
  for (const [words, log] of [
    [[], 'file.log'],
    [['--profile', 'quiet'], 'quiet.log'],
    [['--profile', 'quiet', '-o', 'typed.log'], 'typed.log'],
  ] as const) {
    const done = criuTs(at, [...dump, ...words]);
    assert.deepEqual([done.stderr, done.status], ['', 0]);
    assert.ok(existsSync(join(images, log)), log);
  }
  assert.equal(target.exitCode, null);
});

test('an option of CRIU that is not built is refused by name, where the file is named', { skip }, () => {
  const at = folder({ 'criu.config.json': '{"tcpEstablished": true}' });
  assert.match(criuTs(at, ['dump', '-t', '1']).stderr, /^CR_NOT_BUILT {2}option \S*criu\.config\.json: tcpEstablished .*is not built yet/);
});

test('text for people: file, values, sources', { skip }, () => {
  const at = folder({ 'criu.config.yaml': 'plugins: [cuda@^1]\nghostLimit: 2M\n' });
  const { stdout } = criuTs(at, ['config', '-L', '/x'], { CRIU_LIBS_DIR: '/y' });
  const lines = stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  '));
  const file = join(at, 'criu.config.yaml');
  for (const line of [
    `file: ${file}`,
    `ghostLimit  2097152  ${file}: ghostLimit`,
    'timeoutMs  10000  default',
    `plugin  {"reference":"cuda","range":"^1"}  ${file}: plugins[0]`,
    'plugin folder  /x  -L',
    'plugin folder  /y  CRIU_LIBS_DIR',
  ])
    assert.ok(lines.includes(line), `${line}\n${stdout}`);
});

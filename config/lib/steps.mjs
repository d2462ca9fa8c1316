// The build steps in order. Each one states its inputs (content hash) and outputs; config/setup.mjs runs those that are stale.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { allExist, filesUnder, hashFiles } from './tree.mjs';
import { build } from './tools.mjs';

export const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const at = (...parts) => join(root, ...parts);
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const node = process.execPath;

/** True when node_modules holds exactly what package-lock.json says (npm writes its own record of what it installed). */
export function dependenciesMatch() {
  const recordPath = at('node_modules/.package-lock.json');
  if (!existsSync(recordPath)) return false;
  const lock = readJson(at('package-lock.json')).packages;
  const have = readJson(recordPath).packages;
  const wanted = readJson(at('package.json'));
  // A package.json that was edited without its lock: let `npm ci` explain it.
  for (const kind of ['dependencies', 'devDependencies']) {
    if (JSON.stringify(lock['']?.[kind] ?? {}) !== JSON.stringify(wanted[kind] ?? {})) return false;
  }
  for (const [path, entry] of Object.entries(lock)) {
    if (!path.startsWith('node_modules/') || entry.link === true) continue;
    const mine = have[path];
    if (mine === undefined && entry.optional === true) continue;
    if (mine?.version !== entry.version || !existsSync(at(path))) return false;
  }
  return true;
}

/** Installs exactly the lock file. No install scripts: none of our packages needs one (esbuild's only saves a process per call of its command). */
export function installDependencies() {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) build('installing packages', node, [npm, ...args], { cwd: root });
  else build('installing packages', 'npm', args, { cwd: root });
}

/** CMake refuses the build folder of a clone that was moved or copied: such a one is made anew. */
function buildNative(what, folder) {
  const cache = join(folder, 'build/CMakeCache.txt');
  const home = existsSync(cache) ? /^CMAKE_HOME_DIRECTORY:\w+=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1] : folder;
  if (home !== folder) rmSync(join(folder, 'build'), { recursive: true });
  build(what, node, [at('node_modules/cmake-js/bin/cmake-js'), 'build', '-d', folder], { cwd: root });
}

const generateNative = {
  name: 'native-headers',
  applies: () => existsSync(at('config/generate-native.mjs')),
  inputs: () => hashFiles([at('config/generate-native.mjs'), ...['program', 'abi', 'arch'].flatMap((dir) => filesUnder(at('core', dir)))]),
  outputs: () => ['isa.h', 'check_numbers.c', 'check_structs.c'].map((name) => at('native/generated', name)),
  run: () => build('native headers', node, [at('config/generate-native.mjs')], { cwd: root }),
};

const addon = {
  name: 'native',
  applies: () => existsSync(at('native/CMakeLists.txt')),
  inputs: () => hashFiles([...filesUnder(at('native')), at('package-lock.json')]),
  outputs: () => [at('native/build/CMakeCache.txt')],
  run: () => buildNative('native addon', at('native')),
};

/** The program of the CUDA plugin that loads the driver library. Building it needs no CUDA. */
const cudaHelper = {
  name: 'cuda-helper',
  applies: () => existsSync(at('plugins/cuda/native/CMakeLists.txt')),
  inputs: () => hashFiles([...filesUnder(at('plugins/cuda/native')), at('package-lock.json')]),
  outputs: () => [at('plugins/cuda/native/build/Release/criu-ts-cuda-helper')],
  run: () => buildNative('CUDA helper', at('plugins/cuda/native')),
};

const images = {
  name: 'images',
  applies: () => existsSync(at('config/generate-images.mjs')),
  inputs: () => hashFiles([at('config/generate-images.mjs'), ...filesUnder(at('core/images/schema'))]),
  outputs: () => [],
  run: () => build('image code', node, [at('config/generate-images.mjs')], { cwd: root }),
};

const isTypeScript = (path) => path.endsWith('.ts') && !path.startsWith(at('test/fixtures/'));
const typescript = {
  name: 'typescript',
  applies: () => true,
  inputs: () =>
    hashFiles([
      ...['core', 'plugins', 'test', 'config'].flatMap((dir) => filesUnder(at(dir), isTypeScript)),
      at('tsconfig.json'),
      at('package-lock.json'),
    ]),
  outputs: () => [at('dist/.tsbuildinfo')],
  run: () => build('TypeScript', node, [at('node_modules/typescript/lib/tsc.js'), '-p', at('tsconfig.json')], { cwd: root }),
};

const bundle = {
  name: 'command',
  applies: () => existsSync(at('dist/core/cli/main.js')),
  inputs: () =>
    hashFiles(
      [
        ...filesUnder(join(root, 'dist', 'core'), (path) => path.endsWith('.js')),
        ...filesUnder(at('config'), (path) => path.endsWith('.mjs')),
        at('core/cli/boot.cjs'),
        at('package.json'),
      ],
      `${process.version} ${node}`,
    ),
  outputs: () => [at('dist/cli/criu-ts.cjs'), at('dist/cli/version.txt'), at('core/cli/.node-path')],
  run: () => build('command criu-ts', node, [at('config/bundle.mjs')], { cwd: root }),
};

const sdk = {
  name: 'plugin SDK',
  applies: () => existsSync(at('dist/plugins/sdk/index.js')),
  inputs: () =>
    hashFiles([
      ...['core', 'plugins/sdk'].flatMap((dir) => filesUnder(join(root, 'dist', dir), (path) => /\.(js|d\.ts)$/.test(path))),
      at('config/bundle-sdk.mjs'),
    ]),
  outputs: () => ['index.js', 'types/plugins/sdk/index.d.ts'].map((name) => at('plugins/sdk/dist', name)),
  run: () => build('plugin SDK', node, [at('config/bundle-sdk.mjs')], { cwd: root }),
};

const demo = {
  name: 'demo',
  applies: () => existsSync(at('test/demo/worker.c')),
  inputs: () => hashFiles([at('test/demo/worker.c')]),
  outputs: () => [at('dist/test/demo/worker')],
  run: () => {
    mkdirSync(at('dist/test/demo'), { recursive: true });
    const args = ['-O1', '-Wall', '-Wextra', '-pthread', '-o', at('dist/test/demo/worker'), at('test/demo/worker.c')];
    build('demo program', process.env.CC ?? 'cc', args, { cwd: root });
  },
};

/** Order matters: each step may read what the ones before it wrote. */
export const STEPS = [generateNative, addon, cudaHelper, images, typescript, bundle, sdk, demo];

/** True when the step must run: never ran, inputs differ, or an output is gone. */
export function isStale(step, stamps) {
  return stamps[step.name] !== step.inputs() || !allExist(step.outputs());
}

// `node test/gpu/pack.mjs [FOLDER] [--criu DIR]`: the folder to carry to a bare machine (default .gpu): built project, this Node compressed, compiled tools. Nothing is downloaded.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { KitError, SCRIPTS, compileTools, here, root, runMain } from './tools.mjs';

const LIMIT = 64 * 2 ** 20;
const APP = ['package.json', 'core/cli', 'dist', 'native/build/Release', 'plugins/cuda/package.json', 'plugins/cuda/native/build/Release'];
/** What plugins import. Its folder in node_modules is a link in a clone. */
const SDK = ['package.json', 'dist'];
/** The contract suite on the real driver, and the program that it starts. */
const CONTRACT = 'dist/test/plugins/cuda/contract-hardware.test.js';

function sizeOf(path) {
  const stat = statSync(path);
  return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
}

/** The built project, as it works anywhere. @throws KitError */
export function copyApp(target) {
  const absent = [...APP, ...SDK.map((path) => `plugins/sdk/${path}`)].filter((path) => !existsSync(join(root, path)));
  if (absent.length > 0) throw new KitError(`not built: ${absent.join(', ')}; run npm run setup first`);
  // Tests and types are no part of what runs there, nor is the path of this machine's Node.
  const filter = (path) => !/dist\/(test|types)(\/|$)|\.node-path$/.test(path);
  for (const path of APP) cpSync(join(root, path), join(target, path), { recursive: true, filter });
  for (const path of SDK)
    cpSync(join(root, 'plugins/sdk', path), join(target, 'node_modules/@criu-ts/plugin-sdk', path), { recursive: true, filter });
}

/** The contract suite as one file at its own place in `target`, and its CUDA program in `target`/targets. */
export async function copyContract(target) {
  const { build } = await import('esbuild');
  const out = join(target, CONTRACT);
  // Modules that look for files beside them find them from where they lay.
  const keepPlaces = {
    name: 'keep-places',
    setup: (context) =>
      context.onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
        const place = JSON.stringify(relative(dirname(join(root, CONTRACT)), path));
        return {
          contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`),
          loader: 'js',
        };
      }),
  };
  await build({
    entryPoints: [join(root, CONTRACT)],
    outfile: out,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [keepPlaces],
    logLevel: 'error',
  });
  const { buildMock } = await import(pathToFileURL(join(root, 'dist/plugins/cuda/test/mock/build.js')).href);
  cpSync((await buildMock()).target('device'), join(target, 'targets/device'));
}

async function main() {
  const args = process.argv.slice(2);
  const at = args.indexOf('--criu');
  const criu = at < 0 ? undefined : args.splice(at, 2)[1];
  if (at >= 0 && !(criu && existsSync(join(criu, 'criu'))))
    throw new KitError('--criu: give an unpacked folder that has a program "criu" (test/.peers)');
  const target = resolve(args[0] ?? join(root, '.gpu'));
  if (existsSync(target) && !existsSync(join(target, 'probe.sh')) && readdirSync(target).length > 0)
    throw new KitError(`${target} is not empty and no bundle of ours: give another folder`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  copyApp(join(target, 'app'));
  await copyContract(join(target, 'app'));
  for (const name of ['probe.sh', 'probe-steps.sh', 'judge.mjs', 'verdicts.mjs', ...SCRIPTS, 'src'])
    cpSync(join(here, name), join(target, name), { recursive: true });
  compileTools(join(target, 'bin'), join(target, 'src'));
  if (criu) cpSync(criu, join(target, 'criu'), { recursive: true });
  writeFileSync(join(target, 'node.xz'), execFileSync('xz', ['-6', '-c', process.execPath], { maxBuffer: 2 ** 28 }));
  const bytes = sizeOf(target);
  if (bytes > LIMIT) throw new KitError(`${target} has ${(bytes / 2 ** 20).toFixed(1)} MiB, more than 64: leave out --criu`);
  process.stdout.write(`${target}: ${(bytes / 2 ** 20).toFixed(1)} MiB; there: bash probe.sh, results in $OUT\n`);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main);

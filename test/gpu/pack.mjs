// `node test/gpu/pack.mjs [FOLDER] [--criu DIR]`: the folder to carry to a bare machine (default .gpu): built project, this Node compressed, compiled tools. Nothing is downloaded.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KitError, SCRIPTS, compileTools, here, root, runMain } from './tools.mjs';

const LIMIT = 64 * 2 ** 20;
const APP = ['package.json', 'core/cli', 'dist', 'native/build/Release', 'plugins/cuda/package.json', 'plugins/cuda/native/build'];

function sizeOf(path) {
  const stat = statSync(path);
  return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
}

function main() {
  const args = process.argv.slice(2);
  const at = args.indexOf('--criu');
  const criu = at < 0 ? undefined : args.splice(at, 2)[1];
  if (at >= 0 && !(criu && existsSync(join(criu, 'criu'))))
    throw new KitError('--criu: give an unpacked folder that has a program "criu" (test/.peers)');
  const target = resolve(args[0] ?? join(root, '.gpu'));
  if (existsSync(target) && !existsSync(join(target, 'probe.sh')) && readdirSync(target).length > 0)
    throw new KitError(`${target} is not empty and no bundle of ours: give another folder`);
  const absent = APP.filter((path) => !existsSync(join(root, path)));
  if (absent.length > 0) throw new KitError(`not built: ${absent.join(', ')}; run npm run setup first`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  // Tests are no part of what runs there.
  const filter = (path) => !/dist\/test(\/|$)|\/CMakeFiles(\/|$)/.test(path);
  for (const path of APP) cpSync(join(root, path), join(target, 'app', path), { recursive: true, filter });
  for (const name of ['probe.sh', 'probe-steps.sh', ...SCRIPTS, 'src']) cpSync(join(here, name), join(target, name), { recursive: true });
  compileTools(join(target, 'bin'), join(target, 'src'));
  if (criu) cpSync(criu, join(target, 'criu'), { recursive: true });
  writeFileSync(join(target, 'node.xz'), execFileSync('xz', ['-6', '-c', process.execPath], { maxBuffer: 2 ** 28 }));
  const bytes = sizeOf(target);
  if (bytes > LIMIT) throw new KitError(`${target} has ${(bytes / 2 ** 20).toFixed(1)} MiB, more than 64: leave out --criu`);
  process.stdout.write(`${target}: ${(bytes / 2 ** 20).toFixed(1)} MiB; there: bash probe.sh, results in $OUT\n`);
  return 0;
}

runMain(main);

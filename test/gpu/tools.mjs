// The compiled tools of the kit, for run.mjs and pack.mjs.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, '../..');

/** Shell parts of the kit: steps.sh reads the others. */
export const SCRIPTS = ['steps.sh', 'common.sh', 'ask.sh', 'images.sh', 'plugin.sh', 'peer.sh'];

/** What ends the kit with a message and no stack trace. */
export class KitError extends Error {}

/** Folder of cuda.h. @throws KitError */
function cudaHeaders() {
  const versions = readdirSync('/usr/local').filter((name) => name.startsWith('cuda'));
  const folders = [process.env.CUDA_HOME, ...versions.map((name) => join('/usr/local', name)), '/usr'];
  const found = folders.filter(Boolean).find((folder) => existsSync(join(folder, 'include/cuda.h')));
  if (!found)
    throw new KitError(
      'cuda.h is in no CUDA_HOME/include, /usr/local/cuda*/include or /usr/include: install the CUDA toolkit, or set CUDA_HOME',
    );
  return join(found, 'include');
}

/** Compiles ctl, target, victim and facts into `bin`. @throws KitError that has the compiler's words */
export function compileTools(bin, work) {
  mkdirSync(bin, { recursive: true });
  mkdirSync(work, { recursive: true });
  const bytes = readFileSync(join(here, 'src/kernels.fatbin'));
  writeFileSync(join(work, 'kernels.h'), `static unsigned char __attribute__((aligned(64))) kernels_fatbin[] = {${bytes.join(',')}};\n`);
  const headers = cudaHeaders();
  for (const name of ['ctl', 'target', 'victim', 'facts']) {
    // The victim moves to machines with other libraries.
    const args = [
      ...(name === 'victim' ? ['-static'] : []),
      '-O2',
      `-I${headers}`,
      `-I${work}`,
      '-o',
      join(bin, name),
      join(here, 'src', `${name}.c`),
      '-ldl',
      '-lpthread',
    ];
    try {
      execFileSync('gcc', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      throw new KitError(`gcc cannot compile ${name}.c: ${String(error.stderr ?? error.message).slice(0, 800)}`);
    }
  }
}

/** Runs `main`; a KitError is one line and status 1. */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof KitError)) throw error;
    process.stderr.write(`test:gpu: ${error.message}\n`);
    process.exitCode = 1;
  }
}

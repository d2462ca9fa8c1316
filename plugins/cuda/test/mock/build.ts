/** Builds the mock (gpu.md A.4.2) when its sources have changed, and says where its parts are. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = join(dirname(fileURLToPath(import.meta.url)), '../../../../..');
const SOURCES = join(repository, 'plugins/cuda/test/mock');
/** What is compiled besides: the victims' header, and the programs of the kit for hardware. */
const OTHERS = [
  'test/fixtures/victims/victim.h',
  ...['ctl.c', 'victim.c', 'freeze.h', 'snapshot.h', 'libcuda.h'].map((name) => `test/gpu/src/${name}`),
];
/** Below test/.work, as all that tests build: git, the linters and the content hashes of the build leave it alone. */
const BUILT = join(repository, 'test/.work/cuda-mock');

/** The version of the driver: what cuDriverGetVersion says, 1000 * major + 10 * minor of CUDA. */
export type DriverVersion = number;

export interface MockPaths {
  /** Folder with libcuda.so.1 for LD_LIBRARY_PATH. The file has the symbols that a driver of that version has. */
  library(version: DriverVersion): string;
  readonly daemon: string;
  /** Folder with the programs of the kit (test/gpu): ctl as it is, and a target that stands for its own. */
  readonly kit: string;
  /** Folder with libnvidia-ml.so.1 for LD_LIBRARY_PATH. */
  readonly nvml: string;
  /** Folder with the fake cuda-checkpoint, for PATH. */
  readonly tool: string;
  /** Folder with the trivial cuda-checkpoint, which knows no state. */
  readonly trivialTool: string;
  /** Resident caller of the checkpoint API. */
  readonly caller: string;
  /** A CUDA program: device, counter, tree, fork_without_exec. */
  target(name: string): string;
}

function libraryFor(version: DriverVersion): string {
  if (version >= 13040) return '13040';
  return version >= 12080 ? '13000' : '12040';
}

const run = promisify(execFile);
let built: Promise<MockPaths> | null = null;

/** Over all that is compiled. */
function hashOfSources(): string {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => /(\.(cc|c|h)|CMakeLists\.txt)$/.test(name));
  const paths = [...files.sort().map((name) => join(SOURCES, name)), ...OTHERS.map((path) => join(repository, path))];
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(path));
  return hash.digest('hex');
}

async function compile(): Promise<void> {
  mkdirSync(BUILT, { recursive: true });
  const stamp = join(BUILT, 'stamp');
  const wanted = hashOfSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const script = 'cmake -S "$1" -B "$2" && nice -n 10 cmake --build "$2" --parallel 2';
  // One build of a folder at a time, whoever runs tests; the kernel gives the lock back however we end.
  await run('flock', [join(BUILT, '.lock'), 'sh', '-c', script, 'sh', SOURCES, join(BUILT, 'build')]).catch((error: unknown) => {
    const said = error as { stdout?: string; stderr?: string };
    throw new Error(`the CUDA mock could not be built (cmake and a C++17 compiler are needed):\n${said.stdout ?? ''}${said.stderr ?? ''}`);
  });
  writeFileSync(stamp, wanted);
}

async function build(): Promise<MockPaths> {
  // Carried to a machine with a GPU (test/gpu/pack.mjs): the programs alone, which find the real driver.
  const carried = process.env['CRIU_TS_CUDA_TARGETS'];
  if (carried === undefined) await compile();
  const at = (...parts: string[]): string => join(BUILT, 'build', ...parts);
  return {
    library: (version) => at('lib', libraryFor(version)),
    daemon: at('fake-gpud'),
    kit: at('kit'),
    nvml: at('nvml'),
    tool: at('tool'),
    trivialTool: at('trivial'),
    caller: at('cuda-call'),
    target: (name) => (carried === undefined ? at('targets', name) : join(carried, name)),
  };
}

/** Builds once per process, and only when a source has changed. @throws Error with what the compiler said */
export function buildMock(): Promise<MockPaths> {
  built ??= build();
  return built;
}

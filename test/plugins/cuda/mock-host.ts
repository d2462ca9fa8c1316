/** A host with fake GPUs for the tests of back ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { CallLimits, CudaBackend } from '../../../plugins/cuda/src/backend.js';
import { DriverBackend } from '../../../plugins/cuda/src/driver-backend.js';
import { ToolBackend } from '../../../plugins/cuda/src/tool-backend.js';
import { buildMock, type DriverVersion } from '../../../plugins/cuda/test/mock/build.js';
import { FakeGpus } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import type { ContractHost, ContractProcess } from './contract.js';

export interface MockHost extends ContractHost {
  readonly gpus: FakeGpus;
  readonly version: DriverVersion;
}

export async function driverOf(version: DriverVersion, limits?: Partial<CallLimits>): Promise<CudaBackend> {
  const library = join((await buildMock()).library(version), 'libcuda.so.1');
  return DriverBackend.open({ library, ...(limits === undefined ? {} : { limits }) });
}

export async function toolOf(_version: DriverVersion, limits?: Partial<CallLimits>): Promise<CudaBackend> {
  const tool = join((await buildMock()).tool, 'cuda-checkpoint');
  return ToolBackend.open({ tool, ...(limits === undefined ? {} : { limits }) });
}

/** Everything that we start from now on has the environment of the fake GPUs. */
export async function mockHost(open: typeof driverOf, version: DriverVersion = 13_000): Promise<MockHost> {
  const gpus = await FakeGpus.start();
  Object.assign(process.env, await gpus.environment(version));
  const plain = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const targets: CudaTarget[] = [];
  return {
    gpus,
    version,
    open: (limits) => open(version, limits),
    start: async () => {
      const target = await CudaTarget.start(gpus, 'device', { arguments: [2, 64, 3_000], version });
      targets.push(target);
      return processOf(target);
    },
    plain: plain.pid ?? 0,
    nobody: 4_194_303,
    close: async () => {
      for (const target of targets) await target.close();
      const ended = once(plain, 'exit');
      plain.kill('SIGKILL');
      await ended;
      await gpus.close();
    },
  };
}

function processOf(target: CudaTarget): ContractProcess {
  return {
    pid: target.pid,
    content: () => target.hash(),
    // The length of its kernel is fixed when it starts: longer than every short lock.
    busy: () => target.launch(),
    freeze: () => target.stop(),
    thaw: () => void process.kill(target.pid, 'SIGCONT'),
  };
}

/** The contract on a real driver: CRIU_TS_HARDWARE=1 on a machine with an NVIDIA GPU (step `contract` of test/gpu). GPU_ROOT stands for the root folder in tests of that. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBackend } from '../../../plugins/cuda/src/choose-backend.js';
import type { FakeGpus } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { contract, type ContractHost } from './contract.js';

/** By which programs find the driver and its devices: ours, because those under test have an environment of their own. */
const surroundings = Object.entries(process.env).filter(([name]) => name === 'LD_LIBRARY_PATH' || /^(FAKE_)?CUDA_/.test(name));
const REAL = { environment: () => Promise.resolve(Object.fromEntries(surroundings)) } as unknown as FakeGpus;

function realHost(backend: 'driver' | 'tool'): Promise<ContractHost> {
  const plain = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const targets: CudaTarget[] = [];
  return Promise.resolve({
    open: (limits) => openBackend({ backend, ...(limits === undefined ? {} : { limits }) }),
    start: async () => {
      const target = await CudaTarget.start(REAL, 'device', { arguments: [2, 64] });
      targets.push(target);
      return {
        pid: target.pid,
        content: () => target.hash(),
        busy: () => Promise.reject(new Error('the kernel of this program is a fake')),
        freeze: () => target.stop(),
        thaw: () => void process.kill(target.pid, 'SIGCONT'),
      };
    },
    plain: plain.pid ?? 0,
    nobody: 4_194_303,
    close: async () => {
      for (const target of targets) await target.close();
      const ended = once(plain, 'exit');
      plain.kill('SIGKILL');
      await ended;
    },
  });
}

const skipBusy = 'the program has no kernel that keeps a real device busy';
const skip =
  process.env['CRIU_TS_HARDWARE'] !== '1'
    ? 'an NVIDIA GPU: CRIU_TS_HARDWARE=1 says that there is one'
    : existsSync(join(process.env['GPU_ROOT'] ?? '/', 'dev/nvidiactl'))
      ? false
      : 'an NVIDIA GPU: there is no /dev/nvidiactl';

contract('the driver library (real)', () => realHost('driver'), { skip, skipBusy });
const hasTool = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'cuda-checkpoint')));
contract('the program cuda-checkpoint (real)', () => realHost('tool'), {
  skip: skip || (hasTool ? false : 'cuda-checkpoint is not in PATH'),
  skipBusy,
});

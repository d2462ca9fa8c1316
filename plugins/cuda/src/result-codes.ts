/** CUresult codes that calls of the checkpoint API answer (CUDA driver API, cuda.h; what they mean here was learnt from users of the API). */

interface ResultCode {
  readonly name: string;
  /** What it means for a checkpoint or a restore. */
  readonly meaning: string;
  /** The next step. */
  readonly hint: string;
}

export const CUDA_SUCCESS = 0;
export const CUDA_INVALID_VALUE = 1;
export const CUDA_NOT_INITIALIZED = 3;
export const CUDA_OPERATING_SYSTEM = 304;
export const CUDA_ILLEGAL_STATE = 401;
export const CUDA_NOT_READY = 600;
export const CUDA_NOT_SUPPORTED = 801;

const CODES: ReadonlyMap<number, ResultCode> = new Map([
  [
    CUDA_INVALID_VALUE,
    {
      name: 'CUDA_ERROR_INVALID_VALUE',
      meaning: 'the process, or the device map, is not what the driver expects',
      hint: 'The map must name every device that the process saw when it initialised CUDA, each once.',
    },
  ],
  [
    2,
    {
      name: 'CUDA_ERROR_OUT_OF_MEMORY',
      meaning: 'the device has not enough free memory (or is a MIG instance, which cannot be checkpointed)',
      hint: 'Free device memory, or map the process to a larger device. After this the driver refuses further restores of the same process.',
    },
  ],
  [
    CUDA_NOT_INITIALIZED,
    {
      name: 'CUDA_ERROR_NOT_INITIALIZED',
      meaning: 'the process has not initialised CUDA',
      hint: 'Nothing to do for CUDA in this process.',
    },
  ],
  [100, { name: 'CUDA_ERROR_NO_DEVICE', meaning: 'no device is visible', hint: 'Look at `nvidia-smi -L` and CUDA_VISIBLE_DEVICES.' }],
  [
    201,
    {
      name: 'CUDA_ERROR_INVALID_CONTEXT',
      meaning: 'the helper has no context on a device of the process',
      hint: 'Make every device visible to criu-ts.',
    },
  ],
  [
    CUDA_OPERATING_SYSTEM,
    {
      name: 'CUDA_ERROR_OPERATING_SYSTEM',
      meaning: 'the driver could not reach the process, or its channel to it is out of step',
      hint: 'Run as root or as the same user with ptrace rights. If an earlier call on the process was interrupted, it cannot be checkpointed any more.',
    },
  ],
  [
    CUDA_ILLEGAL_STATE,
    {
      name: 'CUDA_ERROR_ILLEGAL_STATE',
      meaning: 'the process is in another state than this call needs',
      hint: 'Look whether somebody else checkpoints it.',
    },
  ],
  [
    CUDA_NOT_READY,
    {
      name: 'CUDA_ERROR_NOT_READY',
      meaning: 'the work that the process gave to its devices did not end in time',
      hint: 'Give it more time with the option lockTimeout.',
    },
  ],
  [
    CUDA_NOT_SUPPORTED,
    {
      name: 'CUDA_ERROR_NOT_SUPPORTED',
      meaning: 'the process uses something that this driver cannot checkpoint',
      hint: 'Managed memory (cudaMallocManaged), CUDA IPC, exported or multicast memory (NCCL: NCCL_CUMEM_ENABLE=0 NCCL_CUMEM_HOST_ENABLE=0), MIG, MPS, profilers and machines that are not x86-64 cannot be. At a restore: the /dev/nvidia* node of the new device is missing for the process.',
    },
  ],
  [
    900,
    {
      name: 'CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED',
      meaning: 'a stream of the process is being captured',
      hint: 'Try again when the capture is over.',
    },
  ],
  [909, { name: 'CUDA_ERROR_TIMEOUT', meaning: 'the driver gave up waiting', hint: 'Give it more time with the option lockTimeout.' }],
  [999, { name: 'CUDA_ERROR_UNKNOWN', meaning: 'the driver does not say why', hint: 'Look at the kernel log for messages of NVRM.' }],
]);

export function resultCode(code: number): ResultCode {
  return (
    CODES.get(code) ?? {
      name: `CUresult ${code}`,
      meaning: 'the driver does not document this answer here',
      hint: 'Look it up in cuda.h of the driver.',
    }
  );
}

import { contract, type ContractHost } from './contract.js';
import { FakeBackend } from './fake-backend.js';

function memoryHost(): Promise<ContractHost> {
  const fake = new FakeBackend();
  fake.processes.set(50, { state: 'running', tid: null, awake: true, workMs: 0 });
  let last = 100;
  return Promise.resolve({
    open: () => Promise.resolve(fake),
    start: () => {
      const pid = (last += 10);
      const process = fake.add(pid);
      return Promise.resolve({
        pid,
        content: () => Promise.resolve(`${process.state === 'running'}`),
        busy: (ms: number) => Promise.resolve(void (process.workMs = ms)),
        freeze: () => Promise.resolve(void (process.awake = false)),
        thaw: () => void (process.awake = true),
      });
    },
    plain: 50,
    nobody: 51,
    close: () => Promise.resolve(),
  });
}

contract('the fake in memory', memoryHost);

/**
 * A plugin for tests only. A process with the fake driver holds its devices by sockets where the real one has /dev/nvidia* open; this says of them what the CUDA
 * plugin says of those: they go when the driver moves the state of the process out.
 */
import { definePlugin } from '../../../plugins/sdk/index.js';

const plugin = definePlugin({
  name: 'cuda_mock_devices',
  version: '1.0.0',
  api: '^1.0.0',
  image: { writes: '1.0.0', reads: '1.x' },
  hooks: { 'dump.claimFile': 'claim' },
  claims: { sockets: ['unix'] },
  apply(host) {
    host.on('dump.claimFile', ({ link, type }) =>
      type === 'socket' ? { what: `the fake device behind ${link}`, goneOr: 'the CUDA state of the process was not moved out' } : undefined,
    );
  },
});

export { plugin as default };

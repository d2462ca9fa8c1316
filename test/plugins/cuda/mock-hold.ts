/** A plugin for tests only: holds a dump in one of its stages, with everything done that came before, until somebody ends the command. */
import { writeFileSync } from 'node:fs';
import { definePlugin } from '../../../plugins/sdk/index.js';

const plugin = definePlugin({
  name: 'cuda_mock_hold',
  version: '1.0.0',
  api: '^1.0.0',
  after: ['cuda_plugin'],
  image: { writes: '1.0.0', reads: '1.x' },
  hooks: { 'dump.pauseDevices': 'broadcast', 'dump.checkpointDevices': 'broadcast', 'dump.devicesLate': 'broadcast' },
  options: {
    at: { type: 'enum', values: ['pause', 'checkpoint', 'late'], doc: 'The stage.' },
    file: { type: 'string', doc: 'Is made when the dump is there.' },
  },
  apply(host) {
    const stop = (stage: string) => () => {
      if (host.options['at'] !== stage) return undefined;
      writeFileSync(String(host.options['file']), '');
      return new Promise<undefined>(() => undefined);
    };
    host.on('dump.pauseDevices', stop('pause'));
    host.on('dump.checkpointDevices', stop('checkpoint'));
    host.on('dump.devicesLate', stop('late'));
  },
});

export { plugin as default };

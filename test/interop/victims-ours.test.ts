/** Every victim without a checkpoint, and with our own tool alone (test/helpers/modes.ts). */
import { everyVictim } from '../helpers/every-victim.js';

everyVictim('alone', 'ours-running', 'ours');

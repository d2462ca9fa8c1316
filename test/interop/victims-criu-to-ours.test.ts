/** Every victim from the peer's dump to our restore (test/helpers/modes.ts). */
import { everyVictim } from '../helpers/every-victim.js';

everyVictim('criu-to-ours');

/** Every victim from our dump to the peer's restore (test/helpers/modes.ts). */
import { everyVictim } from '../helpers/every-victim.js';

everyVictim('ours-to-criu');

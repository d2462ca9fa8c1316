/** Every victim with the peer alone, which shows that the victim is right (test/helpers/modes.ts). */
import { everyVictim } from '../helpers/every-victim.js';

everyVictim('criu');

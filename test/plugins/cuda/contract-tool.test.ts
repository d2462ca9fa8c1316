import { contract } from './contract.js';
import { mockHost, toolOf } from './mock-host.js';

contract('the program cuda-checkpoint (fake)', () => mockHost(toolOf));

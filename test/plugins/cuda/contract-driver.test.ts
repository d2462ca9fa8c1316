import { contract } from './contract.js';
import { driverOf, mockHost } from './mock-host.js';

contract('the driver library (fake)', () => mockHost(driverOf));

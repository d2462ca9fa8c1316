/** The test kit: what criu-ts tests its own plugins with. */
export { HostDouble, type HostDoubleOptions, type TraceEntry } from './host-double.js';
export { blameProblems, type Fault, type FaultyPlugin, FAULTS, faultyPlugins, sweepProblems } from './fault-sweep.js';
export { goldenDifferences } from './golden.js';
export { type ModelAnswer, type ModelCall, type ModelCalls, ModelKernel } from './model-kernel.js';
export { nativeHere } from './native-here.js';
export { until, Victim, type VictimOptions, type VictimRunOptions } from './victim.js';

import type { HelperPlace } from '../pstree/model.js';
import type { RestoreTask } from './model.js';

/** A process that is not in the images, and exists only while the tree is made. */
export function makeHelper(place: HelperPlace<RestoreTask>): RestoreTask {
  return { ...place, kind: 'helper', children: [], threads: [], core: null, mm: null, ids: null, pages: null };
}

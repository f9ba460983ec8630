import { History } from './history.ts'

/** `nsctl rollout history`: history under kubectl's name. */
export class RolloutHistory extends History {
  static override summary = 'Revisions of a service, as history shows them'
  static override examples = [
    'nsctl rollout history service/web',
    'nsctl rollout history service/web --revision 6',
  ]
}

import { Rollback } from './rollback.ts'

/** `nsctl rollout undo`: rollback under kubectl's name. */
export class RolloutUndo extends Rollback {
  static override summary = 'Go back to an earlier revision, as rollback does'
  static override examples = [
    'nsctl rollout undo service/web',
    'nsctl rollout undo service/web --to-revision 6',
  ]
}

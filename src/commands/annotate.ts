import { Label } from './label.ts'

/** `nsctl annotate`. */
export class Annotate extends Label {
  static override summary = 'Set and remove annotations'
  static override examples = [
    'nsctl annotate service/web owner=ada',
    'nsctl annotate service/web owner-',
    'nsctl annotate service --all note="moved to alpha" --overwrite',
  ]
  protected override readonly member = 'annotations' as const
}

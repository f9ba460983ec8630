/** What `get` was asked for. */
import type { AnyResource } from '../resources/object.ts'
import type { OutputFormat } from '../views/output.ts'
import type { Targets } from './targets.ts'

/** What was asked for beyond the objects themselves. */
export interface GetRequest {
  readonly targets: Targets
  readonly format: OutputFormat
  readonly matches: (object: AnyResource) => boolean
  readonly namespace: string
  readonly allNamespaces: boolean
  readonly showLabels: boolean
  readonly labelColumns: readonly string[]
  readonly showKind: boolean
  readonly noHeaders: boolean
  /** Goes on with what changes. */
  readonly watches: boolean
}

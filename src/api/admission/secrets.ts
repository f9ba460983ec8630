/** Faults of Secrets: none of them may repeat what stands in one, since it may be a value in the wrong place. */
import type { Path } from '../../core/json.ts'
import type { FieldIssue } from '../../resources/kinds.ts'
import type { AnyResource } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'
import { type Fault, fault } from './faults.ts'

/** Kubernetes' members for plain text. */
const PLAIN_MEMBERS = ['stringData', 'data'] as const

/** kubectl's copy of what it applied, values included. */
const REPEATED = 'kubectl.kubernetes.io/last-applied-configuration'

/** What is said to who sends plain text: a client seals before it sends; a repository must hold what was sealed already. */
const REMEDY =
  'Seal it first: nsctl secret seal -w -f FILE makes a manifest that is safe to commit, and nsctl apply seals by itself'

/** A Secret that came as plain text is refused, whatever else is wrong with it. */
export function plaintextFaults(manifest: Manifest, object: AnyResource): readonly Fault[] {
  const members = PLAIN_MEMBERS.filter((member) => object[member] !== undefined)
  const inSpec = PLAIN_MEMBERS.filter((member) => object.spec?.[member] !== undefined)
  const places = [...members.map((member) => [member]), ...inSpec.map((member) => ['spec', member])]
  const faults = places.map((path) =>
    fault(
      manifest,
      'Invalid',
      `${path.join('.')}: holds values that lie open, and a Secret is stored sealed only`,
      {
        path,
        onKey: true,
        next: path.length === 1 ? REMEDY : `Write it without spec, as ${path[1]} beside metadata. ${REMEDY}`,
      },
    ),
  )
  if (object.metadata.annotations?.[REPEATED] === undefined) return faults
  const path = ['metadata', 'annotations', REPEATED]
  const message = `metadata.annotations: ${REPEATED} repeats values that lie open`
  return [
    ...faults,
    fault(manifest, 'Invalid', message, { path, onKey: true, next: 'Leave that annotation out' }),
  ]
}

/** An issue without the value that it is about, in its words and beside them. */
export function coveredIssue(issue: FieldIssue): FieldIssue {
  const { path, message, suggestion } = issue
  if (path[0] === 'metadata' || path[0] === 'apiVersion' || path[0] === 'kind' || saysWhereOnly(path))
    return issue
  const words = message
    .replace(/, not (?!a list|an object|null).*$/s, '')
    .replace(/, which .* does not$/s, ', and this does not')
  return { path, message: words, ...(suggestion === undefined ? {} : { suggestion }) }
}

/** Where values are kept elsewhere is no secret; what logs in there might be written where its name belongs. */
function saysWhereOnly(path: Path): boolean {
  return path[0] === 'spec' && path[1] === 'external' && !path.includes('auth')
}

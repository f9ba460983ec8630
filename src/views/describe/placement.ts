/** Where a Service's instances and the runs of a Job or of a ScaledJob's Jobs may be, and why some are nowhere. */
import type { Client } from '../../client/client.ts'
import type { RefusedBy } from '../../placement/placement.ts'
import { type Applicant, refusals } from '../../placement/trial.ts'
import type { Instance, Job, LimitRange, Node, Service } from '../../resources/generated/types.ts'
import { serviceOfRuns } from '../../resources/job/runs.ts'
import { filledTemplate } from '../../resources/limitrange/fill.ts'
import type { AnyResource } from '../../resources/object.ts'
import { mapAt, mapsAt, textAt, textsAt } from '../fields.ts'
import { renderRows } from '../table.ts'
import { printable } from '../width.ts'
import { type Block, linesOf } from './layout.ts'

const NODES_SHOWN = 40

/** Asked of all that there is at the moment, where something has no node; undefined where nothing wants for one. */
export async function gatherRefusals(
  client: Pick<Client, 'listAll' | 'kinds'>,
  object: AnyResource,
): Promise<readonly RefusedBy[] | undefined> {
  if (textAt(object, 'status.summary')?.startsWith('Unschedulable: ') !== true) return undefined
  const kinds = ['Node', 'Instance', 'Service', 'LimitRange'].map((kind) => client.kinds.byKind(kind))
  const [nodes = [], instances = [], services = [], ranges = []] = (await client.listAll(kinds))
    .lists as readonly unknown[]
  return refusals(applicantOf(object, ranges as readonly LimitRange[]), {
    nodes: nodes as readonly Node[],
    instances: instances as readonly Instance[],
    services: services as readonly Service[],
  })
}

function applicantOf(object: AnyResource, ranges: readonly LimitRange[]): Applicant {
  const { metadata, spec, status } = object as unknown as Service & Job
  const name = object.kind === 'Job' ? serviceOfRuns(metadata.name) : metadata.name
  const hash = status?.currentHash ?? ''
  const { namespace = '' } = metadata
  const own = ranges.filter((one) => one.metadata.namespace === namespace)
  return { namespace, name, template: filledTemplate(spec.template, own), rule: spec.placement, hash }
}

/** `n1   lacks memory: 2Gi asked for, 512Mi of 4Gi free` */
export function refusedBlock(refused: readonly RefusedBy[] = []): Block {
  const rows = refused.slice(0, NODES_SHOWN).map(({ node, why }) => [printable(node), printable(why)])
  const rest = refused.length - rows.length
  return ['Refused by', [...linesOf(renderRows(rows)), ...(rest > 0 ? [`and ${rest} more`] : [])]]
}

/** `spread`, `nodes with pool=web`, `away from default/db in each kubernetes.io/hostname` */
export function placementBlock(object: AnyResource): Block {
  const placement = mapAt(object, 'spec.placement') ?? mapAt(object, 'spec.jobTargetRef.placement')
  if (placement === undefined) return ['Placement', []]
  const labels = Object.entries(mapAt(placement, 'nodeSelector') ?? {}).map(
    ([key, value]) => `${key}=${value}`,
  )
  const priority = textAt(placement, 'priorityClassName')
  const lines = [
    textAt(placement, 'strategy') ?? 'spread',
    ...(priority === undefined ? [] : [`priority ${priority}`]),
    ...(labels.length === 0 ? [] : [`nodes with ${labels.join(', ')}`]),
    ...mapsAt(placement, 'affinity.node.required').map((term) => `nodes with ${termText(term)}`),
    ...mapsAt(placement, 'affinity.node.preferred').map(
      (one) => `rather nodes with ${termText(mapAt(one, 'preference'))}`,
    ),
    ...mapsAt(placement, 'tolerations').map((one) => `tolerates ${tolerationText(one)}`),
    ...nearLines(mapAt(placement, 'affinity.service'), 'near'),
    ...nearLines(mapAt(placement, 'antiAffinity.service'), 'away from'),
    ...mapsAt(placement, 'topologySpreadConstraints').map(evenText),
  ]
  return ['Placement', lines.map(printable)]
}

function termText(term: unknown): string {
  return mapsAt(term, 'matchExpressions')
    .map((one) =>
      [textAt(one, 'key'), textAt(one, 'operator'), textsAt(one, 'values').join(',')]
        .filter(Boolean)
        .join(' '),
    )
    .join(' and ')
}

function tolerationText(one: unknown): string {
  const [key, value, effect] = [textAt(one, 'key'), textAt(one, 'value'), textAt(one, 'effect')]
  return `${key ?? 'every taint'}${value === undefined || value === '' ? '' : `=${value}`}${effect === undefined ? '' : `:${effect}`}`
}

function nearLines(terms: unknown, word: string): readonly string[] {
  const text = (one: unknown) => {
    const namespace = textAt(one, 'namespace')
    const place = textAt(one, 'topologyKey') ?? 'kubernetes.io/hostname'
    return `${namespace === undefined ? '' : `${namespace}/`}${textAt(one, 'service') ?? ''} by ${place}`
  }
  return [
    ...mapsAt(terms, 'required').map((one) => `${word} ${text(one)}`),
    ...mapsAt(terms, 'preferred').map((one) => `rather ${word} ${text(mapAt(one, 'preference'))}`),
  ]
}

function evenText(one: unknown): string {
  const isSoft = textAt(one, 'whenUnsatisfiable') === 'ScheduleAnyway'
  const skew = (one as { readonly maxSkew?: number }).maxSkew ?? 1
  return `${isSoft ? 'rather ' : ''}even by ${textAt(one, 'topologyKey') ?? 'topology.kubernetes.io/zone'}, ${skew} more at most`
}

/** describe node: what a machine has and what it runs. */
import type { AnyResource } from '../../resources/object.ts'
import { mapAt, textAt, textsAt } from '../fields.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { renderBlocks } from './layout.ts'
import { conditionsBlock, eventsBlock, instancesBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'

export function describeNode(description: Description): string {
  const { object, instances, nowMs } = description
  const capacity = mapAt(object, 'status.capacity')
  const line = (path: string) => {
    const text = textAt(object, path)
    return text === undefined ? [] : [printable(text)]
  }
  const has = [prefixedCpu(textAt(capacity, 'cpu')), textAt(capacity, 'memory')].filter(
    (part) => part !== undefined,
  )
  const cannot = textsAt(object, 'status.cannot')
  return renderBlocks([
    ['Node', [`${padEnd(object.metadata.name, 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ['State', [(textAt(object, 'status.phase') ?? 'Unknown').toLowerCase()]],
    ['Runtime', line('status.runtime')],
    ['System', line('status.os')],
    ['nsctl', line('status.version')],
    ['Addresses', [textsAt(object, 'status.addresses').join(', ')].filter((text) => text !== '')],
    ['Metrics', line('status.metricsUrl')],
    ['Capacity', has.length === 0 ? [] : [has.join(', ')]],
    ['Sealed to', identityLines(object)],
    ['Not acting', cannot.length === 0 ? [] : [`${cannot.join(', ')}: this runtime cannot enforce them`]],
    conditionsBlock(description),
    instancesBlock(instances, nowMs),
    eventsBlock(description),
  ])
}

/** The key that Secrets are sealed to for it, and whether the node says that it has it. */
function identityLines(object: AnyResource): readonly string[] {
  const pinned = textAt(object, 'spec.recipient')
  const said = textAt(object, 'status.recipient')
  if (pinned === undefined && said === undefined) return []
  if (pinned === said) return [printable(pinned ?? '')]
  const next = `nsctl node trust ${object.metadata.name}`
  if (pinned === undefined) return [printable(`nothing: ${said} is not trusted yet (${next})`)]
  if (said === undefined) return [printable(`${pinned}, which the node has not said yet that it has`)]
  return [printable(`${pinned}, but the node says that it has ${said} (if that is right: ${next})`)]
}

function prefixedCpu(cpu: string | undefined): string | undefined {
  return cpu === undefined ? undefined : `${cpu} CPU`
}

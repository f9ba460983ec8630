/** describe node: what a machine has and what it runs. */
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
    ['Capacity', has.length === 0 ? [] : [has.join(', ')]],
    ['Not acting', cannot.length === 0 ? [] : [`${cannot.join(', ')}: this runtime cannot enforce them`]],
    conditionsBlock(description),
    instancesBlock(instances, nowMs),
    eventsBlock(description),
  ])
}

function prefixedCpu(cpu: string | undefined): string | undefined {
  return cpu === undefined ? undefined : `${cpu} CPU`
}

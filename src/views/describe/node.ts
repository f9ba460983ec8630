/** describe node: what a machine has and what it runs. */
import { formatCount } from '../../core/words.ts'
import type { Node } from '../../resources/generated/types.ts'
import { nodeStateText, taintText } from '../../resources/node.ts'
import type { AnyResource } from '../../resources/object.ts'
import { mapAt, textAt, textsAt } from '../fields.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { renderBlocks } from './layout.ts'
import { conditionsBlock, eventsBlock, instancesBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'

export function describeNode(description: Description): string {
  const { object, instances, nowMs } = description
  const line = (path: string) => {
    const text = textAt(object, path)
    return text === undefined ? [] : [printable(text)]
  }
  const has = amounts(mapAt(object, 'status.capacity'))
  const gives = amounts(mapAt(object, 'status.allocatable'))
  const cannot = textsAt(object, 'status.cannot')
  return renderBlocks([
    ['Node', [`${padEnd(object.metadata.name, 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ['State', [nodeStateText(object as unknown as Node)]],
    ['Draining', drainLines(object as unknown as Node, instances.length)],
    ['Taints', taintLines(object as unknown as Node)],
    ['Runtime', [...line('status.runtime'), ...textsAt(object, 'status.runtimes').map(printable)]],
    ['System', line('status.os')],
    ['nsctl', line('status.version')],
    ['Addresses', [textsAt(object, 'status.addresses').join(', ')].filter((text) => text !== '')],
    ['Metrics', line('status.metricsUrl')],
    ['Listener', line('status.listener')],
    ['Capacity', has],
    ['Allocatable', gives],
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

function drainLines({ spec }: Node, there: number): readonly string[] {
  if (spec?.drain === undefined) return []
  const how = spec.drain.force === true ? 'by force' : 'as far as disruption allows'
  return [`${how}: ${formatCount(there, 'instance')} there; nsctl uncordon ends it`]
}

function taintLines({ spec }: Node): readonly string[] {
  return (spec?.taints ?? []).map((taint) => printable(taintText(taint)))
}

/** `4 CPU, 16Gi`; no line where nothing is said. */
function amounts(map: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  const cpu = textAt(map, 'cpu')
  const parts = [cpu === undefined ? undefined : `${cpu} CPU`, textAt(map, 'memory')]
  const known = parts.filter((part) => part !== undefined)
  return known.length === 0 ? [] : [printable(known.join(', '))]
}

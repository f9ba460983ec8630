/** describe service: what is wanted, what is, and what happened. */
import type { AnyResource } from '../../resources/object.ts'
import { mapAt, mapsAt, numberAt, textAt, textsAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { compareText } from '../sort.ts'
import { wantedInstances } from '../wanted.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, renderBlocks } from './layout.ts'
import { fileLines, listsOfVariables, originOfVariable } from './materials.ts'
import {
  catalogBlock,
  conditionsBlock,
  eventsBlock,
  instancesBlock,
  labelBlocks,
  lifeBlocks,
  originText,
} from './parts.ts'
import { placementBlock, refusedBlock } from './placement.ts'
import { probeText, programLine } from './program.ts'
import { rolloutBlocks, updateText, withoutOrders } from './rollout.ts'

export function describeService(description: Description): string {
  const { object, instances, volumes, nowMs } = description
  const url = textAt(object, 'status.url')
  return renderBlocks([
    ['Service', [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(withoutOrders(object)),
    ...lifeBlocks(description),
    ['Replicas', [replicasText(object)]],
    ...programBlocks(object),
    placementBlock(object),
    ['Update', [updateText(object)]],
    ...rolloutBlocks(object, nowMs),
    ['Depends on', dependsOnLines(object)],
    ['Ports', portLines(instances)],
    ['URL', url === undefined ? [] : [printable(url)]],
    catalogBlock(instances),
    ['Not acting', notEnforcedLines(instances)],
    conditionsBlock(description),
    refusedBlock(description.refused),
    ['Abandoned', abandonedLines(object)],
    instancesBlock(instances, nowMs),
    ['Storage', storageLines(object, volumes)],
    eventsBlock(description),
  ])
}

/** `3 wanted (scaledobject/web), 2 ready, 1 of them of the wanted revision` */
function replicasText(object: AnyResource): string {
  const wanted = wantedInstances(object)
  const isOnEach = textAt(object, 'spec.placement.strategy') === 'perNode'
  const owner = object.metadata.managedFields?.find((managed) => managed.fields.includes('spec.replicas'))
  const ready = numberAt(object, 'status.readyReplicas') ?? 0
  const exist = numberAt(object, 'status.replicas') ?? 0
  const updated = numberAt(object, 'status.updatedReplicas') ?? 0
  const from = isOnEach ? ' (one on each node)' : owner === undefined ? '' : ` (${owner.manager})`
  const parts = [`${wanted} wanted${from}`, `${ready} ready`]
  if (exist !== ready) parts.push(`${exist} exist`)
  if (updated !== exist) parts.push(`${updated} up to date`)
  return parts.join(', ')
}

/** One line for a single program; one for each of a group. */
function programBlocks(object: AnyResource): readonly Block[] {
  const template = mapAt(object, 'spec.template')
  const programs = mapsAt(template, 'programs')
  const relaxed = textsAt(template, 'security.relax')
  const env = [template, ...programs].flatMap((owner) => {
    const name = owner === template ? undefined : textAt(owner, 'name')
    const lines = [...mapsAt(owner, 'env').map(variableText), ...listsOfVariables(owner)]
    return lines.map((line) => (name === undefined ? line : `${name}: ${line}`))
  })
  const probes = (owner: unknown) =>
    (['startup', 'readiness', 'liveness', 'busy'] as const).flatMap((name) => {
      const text = probeText(mapAt(owner, name))
      return text === undefined ? [] : [`${name}: ${text}`]
    })
  const runs =
    programs.length === 0
      ? [programLine(template ?? {})]
      : programs.map((program) => `${textAt(program, 'name') ?? ''}: ${programLine(program)}`)
  const grouped = programs.flatMap((program) =>
    probes(program).map((line) => `${textAt(program, 'name') ?? ''}: ${line}`),
  )
  const network = textAt(template, 'network')
  return [
    ['Runs', runs],
    ['Environment', env],
    ['Files', fileLines(template)],
    ['Probes', [...probes(template), ...grouped]],
    ['Runtime', runtimeText(template)],
    ['Network', network === undefined || network === 'host' ? [] : [network]],
    ['Relaxed', relaxed.length === 0 ? [] : [relaxed.join(', ')]],
  ]
}

/** `LOG_LEVEL=info`, `DB_PASSWORD from secret/db key password` */
function variableText(variable: Record<string, unknown>): string {
  const origin = originOfVariable(variable)
  const text = origin === undefined ? `=${textAt(variable, 'value') ?? ''}` : ` from ${origin}`
  return printable(`${textAt(variable, 'name') ?? ''}${text}`)
}

/** `nspawn, root /srv/web`; nothing for what runs as its node's runtime does it. */
function runtimeText(template: Record<string, unknown> | undefined): readonly string[] {
  const runtime = textAt(template, 'runtime')
  if (runtime === undefined) return []
  const root = textAt(template, 'root')
  const closure = textsAt(template, 'closure')
  const of =
    root === undefined ? (closure.length === 0 ? '' : `, closure ${closure.join(' ')}`) : `, root ${root}`
  return [printable(`${runtime}${of}`)]
}

/** `db, shop/cache` */
function dependsOnLines(object: AnyResource): readonly string[] {
  const names = mapsAt(object, 'spec.dependsOn').map((one) => textAt(one, 'service') ?? '')
  return names.length === 0 ? [] : [printable(names.join(', '))]
}

/** `http → 20011, 20012 (alpha) 20007 (beta)` */
function portLines(instances: readonly AnyResource[]): readonly string[] {
  const byName = new Map<string, Map<string, number[]>>()
  for (const instance of instances) {
    const node = textAt(instance, 'spec.node') ?? '?'
    for (const port of mapsAt(instance, 'status.ports')) {
      const name = textAt(port, 'name') ?? ''
      const nodes = byName.get(name) ?? new Map<string, number[]>()
      nodes.set(node, [...(nodes.get(node) ?? []), numberAt(port, 'port') ?? 0])
      byName.set(name, nodes)
    }
  }
  return [...byName].map(([name, nodes]) => {
    const places = [...nodes].sort(([a], [b]) => compareText(a, b))
    return `${name} → ${places.map(([node, ports]) => `${ports.sort((a, b) => a - b).join(', ')} (${node})`).join(' ')}`
  })
}

function notEnforcedLines(instances: readonly AnyResource[]): readonly string[] {
  const fields = new Set(instances.flatMap((instance) => textsAt(instance, 'status.notEnforced')))
  return fields.size === 0 ? [] : [`${[...fields].sort().join(', ')}: the runtime here cannot enforce them`]
}

function abandonedLines(object: AnyResource): readonly string[] {
  const hash = textAt(object, 'status.failedHash')
  if (hash === undefined) return []
  const stable = numberAt(object, 'status.stableRevision')
  const runs = stable === undefined ? '' : `; r${stable} runs`
  return [
    printable(`template ${hash}: ${textAt(object, 'status.failedReason') ?? 'did not become ready'}${runs}`),
  ]
}

/** `data → /var/lib/web   web-0, web-1 on alpha, web-2 on beta` */
function storageLines(object: AnyResource, volumes: readonly AnyResource[]): readonly string[] {
  const declared = mapsAt(object, 'spec.storage').map((one) => textAt(one, 'name') ?? '')
  const stored = volumes.map((volume) => textAt(volume, 'spec.volume') ?? '')
  return [...new Set([...declared, ...stored])].map((name) => {
    const mount = mapsAt(object, 'spec.storage').find((one) => textAt(one, 'name') === name)
    const places = placesOf(
      object.metadata.name,
      volumes.filter((one) => textAt(one, 'spec.volume') === name),
    )
    const where = mount === undefined ? 'kept, no longer used' : (textAt(mount, 'path') ?? '')
    return printable(`${name} → ${where}   ${places || 'nothing stored yet'}`)
  })
}

function placesOf(service: string, volumes: readonly AnyResource[]): string {
  const byNode = new Map<string, number[]>()
  for (const volume of volumes) {
    const node = textAt(volume, 'spec.node') ?? '?'
    byNode.set(node, [...(byNode.get(node) ?? []), numberAt(volume, 'spec.ordinal') ?? 0])
  }
  return [...byNode]
    .sort(([a], [b]) => compareText(a, b))
    .map(([node, ordinals]) => {
      const names = ordinals.sort((a, b) => a - b).map((ordinal) => `${service}-${ordinal}`)
      return `${names.join(', ')} on ${node}`
    })
    .join(', ')
}

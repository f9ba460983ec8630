/** describe secret: which keys it has at which versions, who can open it, where it is. No value, and nothing of its length. */
import type { AnyResource } from '../../resources/object.ts'
import { flagAt, mapAt, textAt, textsAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { compareText } from '../sort.ts'
import { ageText, renderRows } from '../table.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf, renderBlocks } from './layout.ts'
import { copiesBlock, usedByBlock } from './materials.ts'
import { conditionsBlock, eventsBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'

/** As much of a key as tells it from others at a glance. */
const KEY_CELLS = 16

export function describeSecret(description: Description): string {
  const { object } = description
  const summary = textAt(object, 'status.summary')
  return renderBlocks([
    ['Secret', [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ['Version', [textAt(object, 'status.version') ?? 'not looked at yet']],
    keysBlock(object),
    sourceBlock(description),
    recipientsBlock(description),
    ['Immutable', flagAt(object, 'spec.immutable') === true ? ['yes'] : []],
    ['Wrong', summary === undefined ? [] : [printable(summary)]],
    conditionsBlock(description),
    usedByBlock(description),
    copiesBlock(description),
    eventsBlock(description),
  ])
}

function keysBlock(object: AnyResource): Block {
  const sealed = mapAt(object, 'spec.sealed') ?? mapAt(object, 'status.fetched') ?? {}
  const rows = Object.entries(sealed)
    .map(([key, value]) => [printable(key), textAt(value, 'version') ?? '?'])
    .sort(([a = ''], [b = '']) => compareText(a, b))
  return ['Keys', rows.length === 0 ? ['none'] : linesOf(renderRows([['NAME', 'VERSION'], ...rows]))]
}

/** `vault https://vault.example.org:8200 secret/db, looked at every 1m, changed 3h ago` */
function sourceBlock({ object, nowMs }: Description): Block {
  const vault = mapAt(object, 'spec.external.vault')
  if (vault === undefined) return ['Source', []]
  const mount = textAt(vault, 'mount') ?? 'secret'
  const fetchedAt = textAt(object, 'status.fetchedAt')
  const parts = [
    `vault ${textAt(vault, 'address') ?? '?'} ${mount}/${textAt(vault, 'path') ?? '?'}`,
    `looked at every ${textAt(object, 'spec.external.refresh') ?? '1m'}`,
    fetchedAt === undefined ? 'never fetched' : `changed ${ageText(fetchedAt, nowMs)} ago`,
  ]
  return ['Source', [printable(parts.join(', '))]]
}

/** Whom it is sealed to, by name, and who is a recipient now without being able to open it. */
function recipientsBlock({ object, recipients }: Description): Block {
  const sealedTo = new Set(textsAt(object, 'spec.recipients'))
  const known = new Map(recipients.map((one) => [textAt(one, 'spec.key') ?? '', one]))
  const rows = [...sealedTo].map((key) => {
    const recipient = known.get(key)
    return recipient === undefined
      ? [shortKey(key), 'no recipient any more', rekeyText(object)]
      : [printable(recipient.metadata.name), roleText(recipient), '']
  })
  const isSealed = sealedTo.size > 0
  if (!isSealed && mapAt(object, 'spec.sealed') !== undefined)
    rows.push(['not the same', 'not all keys are sealed to the same recipients', rekeyText(object)])
  for (const [key, recipient] of known)
    if (isSealed && !sealedTo.has(key))
      rows.push([printable(recipient.metadata.name), roleText(recipient), `not yet: ${rekeyText(object)}`])
  rows.sort(([a = ''], [b = '']) => compareText(a, b))
  return ['Sealed to', linesOf(renderRows(rows))]
}

function rekeyText({ metadata: { name, namespace } }: AnyResource): string {
  return `nsctl secret rekey ${name} -n ${namespace}`
}

function roleText(recipient: AnyResource): string {
  return textAt(recipient, 'spec.role') === 'ControlPlane' ? 'control plane' : 'operator'
}

function shortKey(key: string): string {
  return key.length <= KEY_CELLS ? key : `${key.slice(0, KEY_CELLS)}…`
}

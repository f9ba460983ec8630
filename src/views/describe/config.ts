/** describe config: which names it has, and who takes them. Values are shown by `nsctl get config NAME -o yaml`. */
import { formatBytes } from '../../core/quantity.ts'
import { flagAt, mapAt, textAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { compareText } from '../sort.ts'
import { renderRows } from '../table.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf, renderBlocks } from './layout.ts'
import { copiesBlock, usedByBlock } from './materials.ts'
import { eventsBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'

export function describeConfig(description: Description): string {
  const { object } = description
  const summary = textAt(object, 'status.summary')
  return renderBlocks([
    ['Config', [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ['Version', [textAt(object, 'status.version') ?? 'not looked at yet']],
    keysBlock(description),
    ['Immutable', flagAt(object, 'spec.immutable') === true ? ['yes'] : []],
    ['Wrong', summary === undefined ? [] : [printable(summary)]],
    usedByBlock(description),
    copiesBlock(description),
    eventsBlock(description),
  ])
}

function keysBlock({ object }: Description): Block {
  const rows = (['data', 'files'] as const).flatMap((member) =>
    Object.entries(mapAt(object, `spec.${member}`) ?? {}).map(([key, value]) => [
      printable(key),
      member === 'data' ? 'value' : 'file',
      typeof value === 'string' ? formatBytes(Buffer.byteLength(value)) : '-',
    ]),
  )
  if (rows.length === 0) return ['Keys', ['none']]
  rows.sort(([a = ''], [b = '']) => compareText(a, b))
  return ['Keys', linesOf(renderRows([['NAME', 'KIND', 'BYTES'], ...rows]))]
}

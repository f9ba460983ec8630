/** describe event. */
import { eventView } from '../events.ts'
import { textAt } from '../fields.ts'
import { ageText } from '../table.ts'
import { printable } from '../width.ts'
import type { Description } from './description.ts'
import { renderBlocks } from './layout.ts'

export function describeEvent({ object, nowMs }: Description): string {
  const view = eventView(object)
  const first = textAt(object, 'firstTimestamp')
  const span = first === undefined || view.count < 2 ? '' : `, first ${ageText(first, nowMs)} ago`
  const times = view.count === 1 ? 'once' : `${view.count} times`
  return renderBlocks([
    ['Event', [`${view.type} ${printable(view.reason)}`]],
    ['About', [printable(view.object)]],
    ['Message', [printable(view.message)]],
    ['Seen', [`${times}, last ${ageText(view.lastTimestamp, nowMs)} ago (${view.lastTimestamp})${span}`]],
    ['By', [printable(textAt(object, 'source') ?? '')].filter((text) => text !== '')],
  ])
}

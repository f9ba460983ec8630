/** describe instance: one replica, its programs and what became of them. */

import { BUSY, isSaidBusy } from '../../resources/busy.ts'
import type { AnyResource } from '../../resources/object.ts'
import { flagAt, mapsAt, numberAt, textAt, textsAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { ageText, renderRows } from '../table.ts'
import { padEnd, printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf, renderBlocks } from './layout.ts'
import { materialsBlock } from './materials.ts'
import {
  catalogBlock,
  cpuText,
  eventsBlock,
  labelBlocks,
  lastFailureText,
  lifeBlocks,
  memoryText,
  originText,
  stateText,
} from './parts.ts'
import { programLine } from './program.ts'

export function describeInstance(description: Description): string {
  const { object, nowMs } = description
  const template = (object.spec?.template ?? {}) as Record<string, unknown>
  const programs = mapsAt(template, 'programs')
  const ports = mapsAt(object, 'status.ports').map((port) => `${port.name} → ${port.port}`)
  const notEnforced = textsAt(object, 'status.notEnforced')
  return renderBlocks([
    ['Instance', [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ['Service', [serviceText(description)]],
    ['Node', [textAt(object, 'spec.node') ?? '-']],
    ['Priority', priorityLines(object)],
    ['State', [stateLine(description)]],
    ['Unique', uniqueLines(object)],
    ['Uses', [`${cpuText(object)} CPU, ${memoryText(object)} memory`]],
    [
      'Runs',
      programs.length === 0
        ? [programLine(template)]
        : programs.map((program) => `${textAt(program, 'name') ?? ''}: ${programLine(program)}`),
    ],
    programsBlock(description),
    ['Ports', ports.length === 0 ? [] : [ports.join(', ')]],
    catalogBlock([object]),
    materialsBlock(object),
    ['Storage', mapsAt(object, 'spec.storage').map((one) => printable(`${one.name} → ${one.path}`))],
    ['Not acting', notEnforced.length === 0 ? [] : [notEnforced.join(', ')]],
    ['Last failure', failureLines(lastFailureText(object, nowMs))],
    eventsBlock(description),
  ])
}

/** Nothing where it has none. */
function priorityLines(object: AnyResource): readonly string[] {
  const priority = numberAt(object, 'spec.priority')
  const made = textAt(object, 'spec.preemptedFor')
  return [
    ...(priority === undefined ? [] : [`${priority}`]),
    ...(made === undefined ? [] : [printable(`ends to make room for ${made}`)]),
  ]
}

function uniqueLines(object: Description['object']): readonly string[] {
  if (flagAt(object, 'spec.unique') !== true) return []
  const token = numberAt(object, 'status.fencingToken')
  return [token === undefined ? 'not started yet' : `fencing token ${token}`]
}

function serviceText({ object }: Description): string {
  const revision = textAt(object, 'spec.revisionName')
  const hash = textAt(object, 'spec.templateHash') ?? '?'
  return `${textAt(object, 'spec.service') ?? '?'}, ordinal ${numberAt(object, 'spec.ordinal') ?? 0}, ${revision === undefined ? '' : `${revision}, `}template ${hash}, attempt ${numberAt(object, 'spec.attempt') ?? 0}`
}

/** `running, ready since 11m, busy since 3s, 3 restarts, pid 4711: back in 20 s` */
function stateLine({ object, nowMs }: Description): string {
  const since = textAt(object, 'status.readySince')
  const ready = textAt(object, 'status.readyText') === 'yes'
  const restarts = numberAt(object, 'status.restarts') ?? 0
  const pid = numberAt(object, 'status.pid')
  const parts = [
    stateText(object),
    ready ? `ready${since === undefined ? '' : ` since ${ageText(since, nowMs)}`}` : 'not ready',
    ...busyPart({ object, nowMs }),
    `${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`,
  ]
  if (pid !== undefined) parts.push(`pid ${pid}`)
  const message = textAt(object, 'status.message')
  return printable(message === undefined ? parts.join(', ') : `${parts.join(', ')}: ${message}`)
}

/** By its probe, which knows since when, or by its annotation. */
function busyPart({ object, nowMs }: Pick<Description, 'object' | 'nowMs'>): readonly string[] {
  if (flagAt(object, 'status.busy') === true)
    return [`busy since ${ageText(textAt(object, 'status.busySince'), nowMs)}`]
  return isSaidBusy(object) ? [`busy, as ${BUSY} says`] : []
}

/** Each program of a group; a single one is told by State. */
function programsBlock({ object, nowMs }: Description): Block {
  const programs = mapsAt(object, 'status.programs')
  if (programs.length < 2) return ['Programs', []]
  const rows = programs.map((program) => [
    textAt(program, 'name') ?? '',
    textAt(program, 'state') ?? '-',
    program.ready === true ? 'yes' : 'no',
    String(numberAt(program, 'restarts') ?? 0),
    String(numberAt(program, 'pid') ?? '-'),
    program.startedAt === undefined ? '-' : ageText(program.startedAt, nowMs),
    printable(textAt(program, 'lastFailure.message') ?? textAt(program, 'lastFailure.reason') ?? ''),
  ])
  return [
    'Programs',
    linesOf(renderRows([['NAME', 'STATE', 'READY', 'RESTARTS', 'PID', 'SINCE', ''], ...rows])),
  ]
}

function failureLines(text: string): readonly string[] {
  return text === '' ? [] : [text.replace(/^last: /, '')]
}

/** describe scaler: so many, why, why not more, and when next. Of ScaledObjects and ScaledJobs. */
import { formatAge } from '../../core/quantity.ts'
import {
  PAUSED,
  PAUSED_REPLICAS,
  PAUSED_SCALE_IN,
  PAUSED_SCALE_OUT,
  POLL_REQUESTED,
} from '../../resources/scaler-annotations.ts'
import type { Decision, NextChange } from '../../scaling/decide.ts'
import { mapsAt, numberAt, textAt } from '../fields.ts'
import { qualifiedName } from '../names.ts'
import { rangeOf } from '../scaler/about.ts'
import { chartLines } from '../scaler/chart.ts'
import { timezoneOf } from '../scaler/record.ts'
import { sourceRows } from '../scaler/sources.ts'
import { ZoneTimes } from '../scaler/times.ts'
import { renderRunning, renderWhy, whyRows } from '../scaler/why.ts'
import { ageText, renderRows } from '../table.ts'
import { displayWidth, printable } from '../width.ts'
import { wrapText } from '../wrap.ts'
import type { Description } from './description.ts'
import { type Block, linesOf, renderBlocks } from './layout.ts'
import { eventsBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'
import { placementBlock } from './placement.ts'

const DEFAULT_COLUMNS = 120
const JOBS_SHOWN = 10
const LONGEST_LABEL_CELLS = 16

export function describeScaler(description: Description): string {
  const { object, nowMs, scaler, columns = DEFAULT_COLUMNS } = description
  const cells = columns - LONGEST_LABEL_CELLS
  const times = new ZoneTimes(timezoneOf(object), nowMs)
  const present = scaler?.present
  const blocks: readonly Block[] = [
    [object.kind, headerLines(description, cells)],
    ['Applied', [printable(originText(description))]],
    ...labelBlocks(withoutRequest(object)),
    ...lifeBlocks(description),
    placementBlock(object),
    ['Paused', pausedLines(description)],
    ...(present === undefined
      ? [['Why', ['nothing was decided yet']] as Block]
      : presentBlocks(present, { description, times, cells })),
    ...chartLines(scaler, { nowMs, columns }),
    ['Sources', renderRunning(sourceRows(description), cells)],
    conditionsBlock(description, cells),
    decisionsBlock(description, times, cells),
    jobsBlock(description),
    ['Times', times.isForeign() ? [times.zone] : []],
    eventsBlock(description),
  ]
  return `${renderBlocks(blocks)}${hint(description, times)}`
}

/** Without the annotation of `nsctl scaler trigger`, which tells a reader nothing. */
function withoutRequest(object: Description['object']): Description['object'] {
  const { [POLL_REQUESTED]: _, ...annotations } = object.metadata.annotations ?? {}
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/** `shop/web → service/web      now 7 of 2–20, wanted 7     Ready, Active`, in two lines where one is too narrow. */
function headerLines({ object }: Description, cells: number): readonly string[] {
  const target = textAt(object, 'status.targetText') ?? targetOf(object)
  const name = `${qualifiedName(object)}${target === undefined ? '' : ` → ${target}`}`
  const state = mapsAt(object, 'status.conditions')
    .filter(({ type }) => type === 'Ready' || type === 'Active')
    .map(({ type, status }) => (status === 'True' ? `${type}` : `not ${type}`))
  const parts = [name, countText(object), state.join(', ') || 'not looked at yet']
  const line = parts.join('     ')
  return displayWidth(line) <= cells ? [line] : [name, parts.slice(1).join('     ')]
}

function targetOf(object: Description['object']): string | undefined {
  const name = textAt(object, 'spec.scaleTargetRef.name')
  return name === undefined ? undefined : `service/${name}`
}

function countText(object: Description['object']): string {
  const range = rangeOf(object)
  if (object.kind === 'ScaledJob')
    return `${numberAt(object, 'status.running') ?? 0} running of ${range}, ${numberAt(object, 'status.pending') ?? 0} pending`
  const idle = numberAt(object, 'spec.idleReplicaCount')
  const wanted = numberAt(object, 'status.desiredReplicas')
  return `now ${numberAt(object, 'status.replicas') ?? '?'} of ${range}${idle === undefined ? '' : ` (idle ${idle})`}, wanted ${wanted ?? '?'}`
}

function pausedLines({ object }: Description): readonly string[] {
  const { annotations = {}, name, namespace } = object.metadata
  const at = annotations[PAUSED_REPLICAS]
  const resume = `nsctl scaler resume ${name} -n ${namespace}`
  if (at !== undefined) return [printable(`at ${at} (${resume})`)]
  if (annotations[PAUSED] === 'true') return [`as it is (${resume})`]
  const held = [
    ...(annotations[PAUSED_SCALE_IN] === 'true' ? ['does not shrink'] : []),
    ...(annotations[PAUSED_SCALE_OUT] === 'true' ? ['does not grow'] : []),
  ]
  return held.length === 0 ? [] : [`${held.join(', ')} (${resume})`]
}

interface Around {
  readonly description: Description
  readonly times: ZoneTimes
  readonly cells: number
}

function presentBlocks(decision: Decision, { description, times, cells }: Around): readonly Block[] {
  const { outlook, faults } = decision
  const atMs = Date.parse(decision.at)
  const ageMs = Math.max(0, description.nowMs - atMs)
  const said = ageMs > 120_000 ? [`as decided at ${times.text(atMs)}, ${formatAge(ageMs)} ago`] : []
  const wrapped = (text: string | undefined) => (text ? wrapText(printable(text), cells) : [])
  return [
    [`Why ${decision.to}`, [...renderWhy(whyRows(decision), cells), ...said]],
    ['Why not more', wrapped(outlook.more?.text ?? heldText(decision, 1))],
    ['Why not fewer', wrapped(outlook.fewer?.text ?? heldText(decision, -1))],
    ['Next', nextLines(decision, cells)],
    ['Faults', faults.flatMap(wrapped)],
  ]
}

/** What holds the number where its triggers together want another. */
function heldText({ triggers, to, outlook, limited }: Decision, direction: 1 | -1): string | undefined {
  const wishes = triggers.flatMap(({ proposal }) => proposal ?? [])
  if (wishes.length === 0 || Math.sign(Math.max(...wishes) - to) !== direction) return undefined
  return limited?.message ?? (direction === 1 ? outlook.up.text : outlook.down.text)
}

/** `down: …; up: at once`, each on a line of its own where one is too narrow. */
export function nextLines({ outlook }: Decision, cells: number): readonly string[] {
  const part = (name: string, { text }: NextChange) => (text ? [`${name}: ${printable(text)}`] : [])
  const parts = [...part('down', outlook.down), ...part('up', outlook.up)]
  const line = parts.join('; ')
  if (displayWidth(line) <= cells) return line === '' ? [] : [line]
  return parts.flatMap((one) => wrapText(one, cells))
}

/** Those that say something that the first line does not. */
function conditionsBlock({ object, nowMs }: Description, cells: number): Block {
  const lines = mapsAt(object, 'status.conditions').flatMap((condition) => {
    const { type, status } = condition
    const isUsual = type === 'Active' || (type === 'Ready' ? status === 'True' : status !== 'True')
    if (isUsual) return []
    const since = ageText(condition.lastTransitionTime, nowMs)
    const message = textAt(condition, 'message')
    const what = `${type === 'Ready' ? 'not Ready' : type}, ${textAt(condition, 'reason') ?? ''}, since ${since}`
    return wrapText(printable(message === undefined ? what : `${what}: ${message}`), cells)
  })
  return ['Conditions', lines]
}

function decisionsBlock({ scaler }: Description, times: ZoneTimes, cells: number): Block {
  const rows = (scaler?.decisions ?? []).map((decision) => [
    times.text(Date.parse(decision.at)),
    `${decision.from} → ${decision.to}`,
    decision.because,
  ])
  return ['Decisions', renderRunning(rows, cells)]
}

/** The newest of a ScaledJob's. */
function jobsBlock({ jobs = [], nowMs }: Description): Block {
  const made = ({ metadata }: Description['object']) => metadata.creationTimestamp ?? ''
  const rows = [...jobs]
    .sort((a, b) => (made(a) < made(b) ? 1 : -1))
    .slice(0, JOBS_SHOWN)
    .map((job) => [
      job.metadata.name,
      textAt(job, 'status.completionsText') ?? '-',
      String(numberAt(job, 'status.failed') ?? 0),
      ageText(job.metadata.creationTimestamp, nowMs),
      printable(textAt(job, 'status.summary') ?? ''),
    ])
  if (rows.length === 0) return ['Jobs', []]
  const more = jobs.length > JOBS_SHOWN ? [`and ${jobs.length - JOBS_SHOWN} older`] : []
  return ['Jobs', [...linesOf(renderRows([['NAME', 'COMPLETIONS', 'FAILED', 'AGE', ''], ...rows])), ...more]]
}

function hint({ object, scaler }: Description, times: ZoneTimes): string {
  const [last] = scaler?.decisions ?? []
  if (last === undefined) return ''
  const { name, namespace } = object.metadata
  const at = times.text(Date.parse(last.at))
  const type = object.kind === 'ScaledJob' ? 'scaledjob/' : ''
  return `(a decision in full: nsctl scaler explain ${type}${name} -n ${namespace} --at ${at.includes(' ') ? last.at : at})\n`
}

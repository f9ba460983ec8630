/** A decision in full: what went in, what each step made of it, and what would have changed it. */
import { formatAge } from '../../core/quantity.ts'
import { type AnyResource, refText } from '../../resources/object.ts'
import type { Decision, TriggerVerdict } from '../../scaling/decide.ts'
import { type Block, linesOf, renderBlocks } from '../describe/layout.ts'
import { nextLines } from '../describe/scaler.ts'
import { formatSpan } from '../duration.ts'
import { renderRows } from '../table.ts'
import { printable } from '../width.ts'
import { wrapText } from '../wrap.ts'
import { samplesTable } from './history.ts'
import { type TimedSample, triggerLabel } from './record.ts'
import type { ZoneTimes } from './times.ts'
import { renderRunning } from './why.ts'

const DEFAULT_COLUMNS = 120
const LABEL_CELLS = 16

export interface Explained {
  readonly object: AnyResource
  readonly decision: Decision
  /** The changes before and after it, where they are known. */
  readonly before?: Decision | undefined
  readonly after?: Decision | undefined
  /** Measured about that time, newest first. */
  readonly samples: readonly TimedSample[]
}

export interface ExplainOptions {
  readonly nowMs: number
  readonly times: ZoneTimes
  readonly columns?: number | undefined
}

export function renderExplanation(explained: Explained, options: ExplainOptions): string {
  const { object, decision, before, after, samples } = explained
  const { times, columns = DEFAULT_COLUMNS } = options
  const cells = columns - LABEL_CELLS
  const { outlook, limited, faults, triggers } = decision
  const wrapped = (text: string | undefined) => (text ? wrapText(printable(text), cells) : [])
  const change = (one: Decision | undefined) =>
    one === undefined
      ? []
      : renderRunning([[times.text(Date.parse(one.at)), changeText(one), one.because]], cells)
  return renderBlocks([
    ['Decision', [headline(object, decision, options)]],
    ['Because', wrapped(decision.because)],
    ['Triggers', linesOf(renderRows(triggerRows(triggers)))],
    [
      '',
      renderRunning(
        triggers.map((one) => [triggerLabel(one, triggers), sayingOf(one)]),
        cells,
      ),
    ],
    ['Steps', renderRunning(decision.steps.map(stepRow), cells)],
    [
      'Came to',
      [
        `${decision.to}${decision.active ? '' : ', nothing is active'}${decision.fallback ? ', by fallback' : ''}`,
      ],
    ],
    ['Limited', limited == null ? [] : wrapped(`${limited.reason}: ${limited.message}`)],
    ['Faults', faults.flatMap(wrapped)],
    ['Why not more', wrapped(outlook.more?.text)],
    ['Why not fewer', wrapped(outlook.fewer?.text)],
    ['Next', nextLines(decision, cells)],
    ['Before', change(before)],
    ['After', change(after)],
    ['Measured', linesOf(samplesTable(samples, times))],
    ['Times', [times.zone]],
  ] satisfies readonly Block[])
}

/** `5 → 7`, `stays 7` */
export function changeText({ from, to }: Decision): string {
  return from === to ? `stays ${to}` : `${from} → ${to}`
}

function headline(object: AnyResource, decision: Decision, { nowMs, times }: ExplainOptions): string {
  const atMs = Date.parse(decision.at)
  const { kind, metadata } = object
  const name = refText({ kind, name: metadata.name })
  return `${name} -n ${metadata.namespace} at ${times.text(atMs)}, ${formatAge(Math.max(0, nowMs - atMs))} ago: ${changeText(decision)}`
}

function triggerRows(triggers: readonly TriggerVerdict[]): readonly (readonly string[])[] {
  if (triggers.length === 0) return []
  const number = (value: number | undefined | null, unit: string) =>
    value == null
      ? '-'
      : `${Number(value.toPrecision(6))}${unit === '' || unit === undefined ? '' : ` ${unit}`}`
  return [
    ['NAME', 'VALUE', 'TARGET', 'PROPOSES', 'ACTIVE', 'AGE'],
    ...triggers.map((one) => [
      triggerLabel(one, triggers),
      number(one.value, one.unit),
      number(one.target, one.unit),
      String(one.proposal ?? '-'),
      one.active == null ? '-' : one.active ? 'yes' : 'no',
      one.ageMs == null ? '-' : formatSpan(one.ageMs),
    ]),
  ]
}

function sayingOf({ error, text, failures, decides }: TriggerVerdict): string {
  if (error == null) return decides ? `${text} (decides)` : text
  return `cannot be read${failures > 1 ? ` (${failures} times in a row)` : ''}: ${error}`
}

function stepRow({ step, from, to, reason, text }: Decision['steps'][number]): readonly string[] {
  return [step, from === to ? `${to}` : `${from} → ${to}`, reason, text]
}

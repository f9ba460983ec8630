/**
 * Metrics as text, piece by piece: of ten thousand scalers it has tens of megabytes, which are never in memory at once, and other things are
 * done between one piece and the next. prom-client checks names and writes what stands before a metric's lines; the lines are written here,
 * since it leaves kilobytes behind for each. https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import type * as prom from 'prom-client'
import type { Family, FamilyLine, Labels } from './families.ts'

export type PromClient = Pick<typeof prom, 'Counter' | 'Gauge' | 'Histogram' | 'Registry'>

/** What a metric is to show this time. */
export interface ShownFamily {
  readonly name: string
  /** HELP and TYPE. */
  readonly head: string
  readonly lines: Iterable<FamilyLine>
}

/** A fraction of a millisecond's work. */
const PIECE_CHARACTERS = 16 * 1024

/** In pieces of about 16 KiB, each made when it is asked for, and in a turn of the event loop of its own. */
export async function* metricsText(shown: readonly ShownFamily[]): AsyncGenerator<string> {
  let piece = ''
  for (const { name, head, lines } of shown) {
    piece += head
    for (const line of lines) {
      piece += lineText(name, line)
      if (piece.length < PIECE_CHARACTERS) continue
      yield piece
      piece = ''
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  if (piece !== '') yield piece
}

/** Heads of metrics by their names. Rejects where there cannot be such a metric, or two have one name. */
export async function headsOf(
  client: PromClient,
  families: readonly Family[],
): Promise<ReadonlyMap<string, string>> {
  const registry = new client.Registry()
  const heads = new Map<string, string>()
  for (const { name, help, type } of families) {
    const metric = { gauge: client.Gauge, counter: client.Counter, histogram: client.Histogram }[type]
    new metric({ name, help, registers: [registry] })
    const [helpLine, typeLine] = (await registry.getSingleMetricAsString(name)).split('\n', 2)
    heads.set(name, `${helpLine}\n${typeLine}\n`)
  }
  return heads
}

function lineText(name: string, { metricName = name, labels, value }: FamilyLine): string {
  return `${metricName}${labelsText(labels)} ${valueText(value)}\n`
}

function labelsText(labels: Labels): string {
  let text = ''
  for (const name in labels) text += `${text === '' ? '{' : ','}${name}="${escaped(labels[name] ?? '')}"`
  return text === '' ? '' : `${text}}`
}

function escaped(value: string): string {
  if (!/[\\\n"]/.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

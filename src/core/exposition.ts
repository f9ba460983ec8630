/**
 * Reads Prometheus' text format (version 0.0.4; of OpenMetrics what is the same), in one pass: what is no sample is left out, and a line that is
 * broken costs that line only. https://prometheus.io/docs/instrumenting/exposition_formats/
 */

export interface ExpositionSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** May be NaN or infinite. */
  readonly value: number
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y
const VALUE = /[ \t]*([^ \t]+)/y

/**
 * The samples in the order of `text`. Only those that `wants` takes by name are looked at further: a scrape may have a hundred thousand lines,
 * and a few that matter.
 */
export function* readExposition(
  text: string,
  wants: (name: string) => boolean = () => true,
): Generator<ExpositionSample> {
  let from = 0
  while (from < text.length) {
    let end = text.indexOf('\n', from)
    if (end === -1) end = text.length
    const first = text.charCodeAt(from)
    // comments, HELP and TYPE
    if (first !== 0x23 && end > from) {
      const sample = readLine(text.slice(from, end).trim(), wants)
      if (sample !== undefined) yield sample
    }
    from = end + 1
  }
}

function readLine(line: string, wants: (name: string) => boolean): ExpositionSample | undefined {
  NAME.lastIndex = 0
  const name = NAME.exec(line)?.[0]
  if (name === undefined || !wants(name)) return undefined
  let at = skipSpace(line, name.length)
  let labels: Record<string, string> = {}
  if (line[at] === '{') {
    const read = readLabels(line, at + 1)
    if (read === undefined) return undefined
    labels = read.labels
    at = read.end
  }
  VALUE.lastIndex = at
  const value = readValue(VALUE.exec(line)?.[1])
  return value === undefined ? undefined : { name, labels, value }
}

/** From behind the opening brace to behind the closing one. */
function readLabels(
  line: string,
  from: number,
): { readonly labels: Record<string, string>; readonly end: number } | undefined {
  const labels: Record<string, string> = Object.create(null)
  let at = skipSpace(line, from)
  while (line[at] !== '}') {
    LABEL.lastIndex = at
    const name = LABEL.exec(line)?.[0]
    if (name === undefined) return undefined
    at = skipSpace(line, at + name.length)
    if (line[at] !== '=') return undefined
    at = skipSpace(line, at + 1)
    if (line[at] !== '"') return undefined
    const end = closingQuote(line, at + 1)
    if (end === -1) return undefined
    labels[name] = unescapeText(line.slice(at + 1, end))
    at = skipSpace(line, end + 1)
    if (line[at] === ',') at = skipSpace(line, at + 1)
    else if (line[at] !== '}') return undefined
  }
  return { labels, end: at + 1 }
}

function closingQuote(line: string, from: number): number {
  let at = from
  while (at < line.length) {
    const letter = line[at]
    if (letter === '"') return at
    at += letter === '\\' ? 2 : 1
  }
  return -1
}

function unescapeText(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([\\"n])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}

function skipSpace(line: string, from: number): number {
  let at = from
  while (line[at] === ' ' || line[at] === '\t') at++
  return at
}

/** A number as Go's ParseFloat takes it; undefined for what is none. */
function readValue(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^nan$/i.test(text)) return Number.NaN
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const value = Number(text)
  return Number.isNaN(value) ? undefined : value
}

/** Which series of Prometheus' text format is meant: `name{label="value", other!="value"}`. */
import { NsctlError } from '../../core/errors.ts'

export interface Selector {
  readonly name: string
  fits(labels: Readonly<Record<string, string>>): boolean
}

const WHOLE = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?:\{(.*)\})?\s*$/s
const MATCHER =
  /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*(,|$)/sy

/** Throws Invalid where it is none, and for regular expressions. */
export function compileSelector(text: string): Selector {
  const wrong = (why: string) =>
    new NsctlError('Invalid', `valueLocation ${JSON.stringify(text)} ${why}`, {
      value: 'valueLocation',
      next: 'write it as queue_size{queue="orders"}',
    })
  const whole = WHOLE.exec(text)
  if (whole === null) throw wrong('is no name of a metric with its labels')
  const inner = whole[2] ?? ''
  const matchers: { label: string; isEqual: boolean; value: string }[] = []
  MATCHER.lastIndex = 0
  while (MATCHER.lastIndex < inner.length) {
    if (inner.slice(MATCHER.lastIndex).trim() === '') break
    const found = MATCHER.exec(inner)
    if (found === null) throw wrong('has labels that are not label="value"')
    const [, label = '', operator, double, single] = found
    if (operator === '=~' || operator === '!~')
      throw wrong('has a regular expression, and = and != are there only')
    const value = (double ?? single ?? '').replace(/\\(.)/gs, (_, letter: string) =>
      letter === 'n' ? '\n' : letter,
    )
    matchers.push({ label, isEqual: operator === '=', value })
  }
  const named = matchers.find(({ label, isEqual }) => label === '__name__' && isEqual)
  const name = whole[1] ?? named?.value
  if (name === undefined) throw wrong('names no metric')
  const others = matchers.filter((matcher) => matcher.label !== '__name__')
  return {
    name,
    fits: (labels) =>
      others.every(({ label, isEqual, value }) => ((labels[label] ?? '') === value) === isEqual),
  }
}

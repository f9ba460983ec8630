/** Finds one number in an answer, by its format. What is read with a package loads it when first needed. */
import { NsctlError } from '../../core/errors.ts'
import { readExposition } from '../../core/exposition.ts'
import { isObject } from '../../core/json.ts'
import { numberOf } from '../../resources/triggers/values.ts'
import { compileAnswerPath } from './path.ts'
import { compileSelector } from './selector.ts'

export type AnswerFormat = 'json' | 'xml' | 'yaml' | 'prometheus'

/** The number at the place. Rejects with Invalid where there is none; the caller says whose answer it was. */
export type AnswerNumber = (body: string) => number | Promise<number>

/** What parses slowly may not be as long as what parses fast: nothing else goes on meanwhile. */
const MAX_SLOW_BYTES = 2 ** 17

/** Throws Invalid where `place` is none in that format. */
export function compileAnswer(format: AnswerFormat, place: string): AnswerNumber {
  switch (format) {
    case 'json': {
      const path = compileAnswerPath(place)
      return (body) => numberAt(path(parseJson(body)), place)
    }
    case 'prometheus': {
      const { name, fits } = compileSelector(place)
      return (body) => {
        for (const { labels, value } of readExposition(body, (one) => one === name))
          if (fits(labels)) return value
        throw nothing(place)
      }
    }
    case 'yaml':
      return async (body) => {
        refuseLong(body, 'YAML')
        const { parse } = await import('yaml')
        return numberAt(
          walk(
            parseAs('YAML', () => parse(body)),
            place,
          ),
          place,
        )
      }
    case 'xml':
      return async (body) => {
        refuseLong(body, 'XML')
        const { XMLParser, XMLValidator } = await import('fast-xml-parser')
        const parser = new XMLParser({
          parseTagValue: false,
          processEntities: false,
          ignoreAttributes: false,
        })
        if (XMLValidator.validate(body) !== true) throw noFormat('XML')
        return numberAt(
          walk(
            parseAs('XML', () => parser.parse(body)),
            place,
          ),
          place,
        )
      }
  }
}

/** A number, or a text that is a quantity: `1k`, `64`, `250m`. */
function numberAt(value: unknown, place: string): number {
  if (value === undefined) throw nothing(place)
  if (typeof value === 'number') return value
  const number = typeof value === 'string' ? numberOf('quantity', value.trim()) : undefined
  if (number !== undefined) return number
  const what =
    value === null ? 'null' : Array.isArray(value) ? 'a list' : isObject(value) ? 'an object' : 'no number'
  throw new NsctlError('Invalid', `at ${place} is ${what}`, {
    value: place,
    next: 'point valueLocation to a number, or a text such as "64" or "1k"',
  })
}

/** KEDA's plain path for XML and YAML: names and indexes, with dots between. */
function walk(answer: unknown, place: string): unknown {
  let current = answer
  for (const name of place.split('.')) {
    if (Array.isArray(current)) current = current[Number(name)]
    else if (isObject(current) && Object.hasOwn(current, name)) current = current[name]
    // an element of XML that happens to be alone
    else if (name !== '0') return undefined
  }
  // an element of XML that has attributes
  return isObject(current) && typeof current['#text'] === 'string' ? current['#text'] : current
}

function parseJson(body: string): unknown {
  return parseAs('JSON', () => JSON.parse(body))
}

function parseAs(format: string, parse: () => unknown): unknown {
  try {
    return parse()
  } catch {
    throw noFormat(format)
  }
}

function refuseLong(body: string, format: string): void {
  if (body.length > MAX_SLOW_BYTES)
    throw new NsctlError('Invalid', `${MAX_SLOW_BYTES / 1024} KiB of ${format} are too many`, {
      next: 'ask for less, or for JSON',
    })
}

function noFormat(format: string): NsctlError {
  return new NsctlError('Invalid', `the answer is no ${format}`, { next: 'check url and format' })
}

function nothing(place: string): NsctlError {
  return new NsctlError('Invalid', `at ${place} is nothing`, { value: place, next: 'check valueLocation' })
}

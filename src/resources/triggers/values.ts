/** Reads one parameter's text as what its schema says it is. Pure. */

import { nearest } from '../../core/nearest.ts'
import { parseDurationMs, SUFFIX_FACTORS } from '../../core/quantity.ts'
import { parseSchedule } from '../schedule.ts'
import type { ParameterType, TriggerParameter } from './schema.ts'

/** Numbers as Go and JSON write them; no names of infinities, no hexadecimal. */
const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?$/i
const QUANTITY = /^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/i
const TRUE = /^(1|t|true)$/i
const FALSE = /^(0|f|false)$/i

/** What is asked for, by type. */
const WORDS: Readonly<Record<ParameterType, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  quantity: 'a quantity such as 70, 500m or 100Mi',
  boolean: 'true or false',
  duration: 'a duration such as 500ms or 3s, or a number of milliseconds',
  url: 'a URL such as http://host:9090',
  list: 'a list separated by commas',
  json: 'JSON',
  cron: 'five fields of cron such as 0 8 * * 1-5',
  timezone: 'a timezone such as Europe/Berlin',
}

/** Undefined where it is no finite number of that type. */
export function numberOf(type: ParameterType, text: string): number | undefined {
  if (type === 'quantity') {
    const match = QUANTITY.exec(text)
    const factor = match?.[2] === 'm' ? 1e-3 : SUFFIX_FACTORS[match?.[2] ?? '']
    return match === null || factor === undefined ? undefined : finite(Number(match[1]) * factor)
  }
  if (!NUMBER.test(text)) return undefined
  const value = finite(Number(text))
  return type === 'integer' && !Number.isSafeInteger(value) ? undefined : value
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

/** As Go reads it. */
export function flagOf(text: string): boolean | undefined {
  if (TRUE.test(text)) return true
  return FALSE.test(text) ? false : undefined
}

export function durationMsOf(text: string): number | undefined {
  if (/^[0-9]{1,12}$/.test(text)) return Number(text)
  try {
    return parseDurationMs(text)
  } catch {
    return undefined
  }
}

export function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** What is wrong with a value, without the value itself where it is not to be shown. */
export interface ValueFault {
  readonly message: string
  readonly suggestion?: string
}

export function faultOf(parameter: TriggerParameter, text: string, isShown: boolean): ValueFault | undefined {
  const type = parameter.type ?? 'string'
  const but = isShown ? `, not ${JSON.stringify(text)}` : ''
  if (parameter.enum !== undefined)
    return enumFault(parameter.enum, type === 'list' ? listOf(text) : [text], but)
  if (type === 'number' || type === 'integer' || type === 'quantity') {
    const value = numberOf(type, text)
    if (value === undefined) return { message: `must be ${WORDS[type]}${but}` }
    if (parameter.minimum !== undefined && value < parameter.minimum)
      return { message: `must be at least ${parameter.minimum}${but}` }
    return undefined
  }
  return isRight(type, text) ? undefined : { message: `must be ${WORDS[type]}${but}` }
}

function enumFault(known: readonly string[], items: readonly string[], but: string): ValueFault | undefined {
  const wrong = items.find((item) => !known.includes(item))
  if (wrong === undefined) return undefined
  const [suggestion] = but === '' ? [] : nearest(wrong, known, 1)
  return {
    message: `must be one of ${known.join(', ')}${but}`,
    ...(suggestion !== undefined && { suggestion }),
  }
}

function isRight(type: ParameterType, text: string): boolean {
  switch (type) {
    case 'boolean':
      return flagOf(text) !== undefined
    case 'duration':
      return durationMsOf(text) !== undefined
    case 'url':
      return URL.canParse(text)
    case 'json':
      return isJson(text)
    case 'cron':
      return isSchedule(text)
    case 'timezone':
      return isTimezone(text)
    default:
      return true
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isSchedule(text: string): boolean {
  try {
    parseSchedule(text)
    return true
  } catch {
    return false
  }
}

export function isTimezone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}

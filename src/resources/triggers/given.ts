/** Where a trigger's parameters were found, and what reads them. Pure. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters, TriggerParameter, TriggerSchema } from './schema.ts'
import { durationMsOf, flagOf, listOf, numberOf } from './values.ts'

export const FROM_ENV = 'FromEnv'

/** What parameters are looked for in. `later`: not read yet, as at admission. */
export interface Places {
  readonly metadata: ReadonlyMap<string, string>
  readonly authentication: Readonly<Record<string, string>> | 'later'
  readonly environment: Readonly<Record<string, string | undefined>> | 'later'
}

/** Where a parameter was found. */
export interface Given {
  /** Undefined where it is to come later. */
  readonly text: string | undefined
  readonly from: 'metadata' | 'environment' | 'authentication'
  /** The name that it was found under. */
  readonly name: string
}

/** TriggerAuthentication, metadata, variable: the first that has it. */
export function find(parameter: TriggerParameter, places: Places): Given | undefined {
  const { from } = parameter
  const names = [parameter.name, ...(parameter.aliases ?? [])]
  const { metadata, authentication, environment } = places
  if (from.includes('A') && authentication !== 'later')
    for (const name of names) {
      const text = own(authentication, name)?.trim()
      if (text) return { text, from: 'authentication', name }
    }
  if (from.includes('M'))
    for (const name of names) {
      const text = metadata.get(name)
      if (text) return { text, from: 'metadata', name }
    }
  if (from.includes('E'))
    for (const name of names) {
      const variable = metadata.get(name + FROM_ENV)
      if (!variable) continue
      if (environment === 'later') return { text: undefined, from: 'environment', name }
      const text = own(environment, variable)?.trim()
      if (text) return { text, from: 'environment', name }
    }
  if (from.includes('A') && authentication === 'later')
    return { text: undefined, from: 'authentication', name: parameter.name }
  return undefined
}

export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

/** Promises what `ReadParameters` does. */
export class GivenParameters implements ReadParameters {
  readonly #schema: TriggerSchema
  readonly #given: ReadonlyMap<string, Given>

  constructor(schema: TriggerSchema, given: ReadonlyMap<string, Given>) {
    this.#schema = schema
    this.#given = given
  }

  text(name: string): string | undefined {
    const parameter = this.#parameter(name)
    return this.#given.get(parameter.name)?.text ?? parameter.default
  }

  number(name: string): number | undefined {
    const { type = 'string' } = this.#parameter(name, 'number', 'integer', 'quantity')
    const text = this.text(name)
    return text === undefined ? undefined : numberOf(type, text)
  }

  flag(name: string): boolean {
    this.#parameter(name, 'boolean')
    return flagOf(this.text(name) ?? 'false') ?? false
  }

  durationMs(name: string): number | undefined {
    this.#parameter(name, 'duration')
    const text = this.text(name)
    return text === undefined ? undefined : durationMsOf(text)
  }

  list(name: string): readonly string[] {
    this.#parameter(name, 'list')
    return listOf(this.text(name) ?? '')
  }

  has(name: string): boolean {
    const parameter = this.#parameter(name)
    const given = this.#given.get(parameter.name)
    return given?.text !== undefined && (name === parameter.name || given.name === name)
  }

  pending(name: string): boolean {
    const given = this.#given.get(this.#parameter(name).name)
    return given !== undefined && given.text === undefined
  }

  #parameter(name: string, ...types: readonly string[]): TriggerParameter {
    const { parameters, types: triggers } = this.#schema
    const found = parameters.find((one) => one.name === name || one.aliases?.includes(name))
    if (found === undefined)
      throw new NsctlError('Bug', `the trigger ${triggers[0]} has no parameter ${name}`)
    if (types.length > 0 && !types.includes(found.type ?? 'string'))
      throw new NsctlError('Bug', `the parameter ${name} of ${triggers[0]} is no ${types[0]}`)
    return found
  }
}

/** From a trigger as it is written to parameters that a source can be opened with, and what is wrong with it. Pure. */
import { NsctlError } from '../../core/errors.ts'
import { nearest } from '../../core/nearest.ts'
import type { FieldIssue } from '../kinds.ts'
import { FROM_ENV, find, type Given, GivenParameters, own, type Places } from './given.ts'
import type { MetricType, ReadParameters, TriggerParameter, TriggerSchema } from './schema.ts'
import { faultOf } from './values.ts'

/** A trigger as it stands, and what else its parameters come from. */
export interface TriggerText {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly metricType?: string
  /** Parameters of its TriggerAuthentication; `later` where it names one that is not read yet (at admission). None where left out. */
  readonly authentication?: Readonly<Record<string, string>> | 'later'
  /** Variables of the target, for …FromEnv; `later` where they are not read yet. None where left out. */
  readonly environment?: Readonly<Record<string, string | undefined>> | 'later'
  /** Its number goes through a formula (scalingModifiers), so that its own target counts for nothing and may be missing. */
  readonly inFormula?: boolean
}

export interface TriggerRead {
  readonly parameters: ReadParameters
  /** What the trigger says, or the first that its type has. */
  readonly metricType: MetricType
  /** All metadata as text, …FromEnv resolved, without secret parameters: what external scalers are given. */
  readonly metadata: Readonly<Record<string, string>>
  /** Paths are relative to the trigger: `['metadata', 'threshold']`. Nothing is to be opened while there is one. */
  readonly issues: readonly TriggerIssue[]
  /** What is accepted and does not act as written: `metadata.lisName is unknown and ignored (did you mean listName?)`. */
  readonly warnings: readonly string[]
}

export interface TriggerIssue extends FieldIssue {
  /**
   * Of numbers, times and what is missing: nobody can have meant it. What else is wrong (a placeholder for a URL, a value that KEDA gets next year)
   * is stored as in KEDA, and the trigger says that it does not act.
   */
  readonly refused?: true
}

/** Never throws for what is written. No value of a secret parameter, nor what came from elsewhere, is in an issue or a warning. */
export function readTrigger(schema: TriggerSchema, trigger: TriggerText): TriggerRead {
  const notes: Notes = { issues: [], warnings: [] }
  const { authentication = {}, environment = {} } = trigger
  const places = { metadata: metadataTexts(trigger.metadata, notes), authentication, environment }
  const given = new Map<string, Given>()
  for (const parameter of schema.parameters) {
    const found = find(parameter, places)
    if (found !== undefined) given.set(parameter.name, found)
  }
  for (const parameter of schema.parameters) judge(parameter, given.get(parameter.name), notes)
  noteUnknown(schema, places, notes)
  const parameters = new GivenParameters(schema, given)
  const metricType = metricTypeOf(schema, trigger, parameters, notes)
  checkTarget(schema, parameters, trigger, notes)
  if (notes.issues.length === 0) notes.issues.push(...(schema.check?.(parameters, metricType) ?? []))
  return { parameters, metricType, metadata: handedOn(schema, places), ...notes }
}

/** The name of the parameter that its number is compared with; undefined where a source brings its own. */
export function targetName(schema: TriggerSchema, parameters: ReadParameters): string | undefined {
  return typeof schema.target === 'function' ? schema.target(parameters) : schema.target
}

/** What a trigger's number is compared with, in base units; undefined where the source says it, or a formula makes it needless. */
export function targetOf(schema: TriggerSchema, parameters: ReadParameters): number | undefined {
  const name = targetName(schema, parameters)
  const target = name === undefined ? undefined : parameters.number(name)
  return target === 0 ? undefined : target
}

interface Notes {
  readonly issues: TriggerIssue[]
  readonly warnings: string[]
}

function metadataTexts(metadata: TriggerText['metadata'], notes: Notes): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === 'string') texts.set(name, value.trim())
    else if (value === null || value === undefined)
      notes.warnings.push(`metadata.${name} is empty and ignored`)
    else if (typeof value === 'object')
      notes.issues.push({
        path: ['metadata', name],
        message: `must be text, not ${Array.isArray(value) ? 'a list' : 'an object'}`,
        refused: true,
      })
    else {
      texts.set(name, String(value))
      notes.warnings.push(`metadata.${name} is a ${typeof value} and read as text: put it in quotes`)
    }
  }
  return texts
}

function judge(parameter: TriggerParameter, given: Given | undefined, notes: Notes): void {
  if (given === undefined) {
    if (parameter.required && parameter.default === undefined)
      notes.issues.push({ path: ['metadata', parameter.name], message: missing(parameter), refused: true })
    return
  }
  const { text, from, name } = given
  if (text === undefined) return
  const isShown = from === 'metadata' && !parameter.secret
  const fault = faultOf(parameter, text, isShown)
  if (fault !== undefined) {
    const said = {
      ...fault,
      ...(isShown && { value: text }),
      ...(isNumeric(parameter) && { refused: true as const }),
    }
    const message = from === 'metadata' ? fault.message : `gives ${name}, which ${fault.message}`
    notes.issues.push({ ...said, path: placeOf(given), message })
  }
  if (parameter.deprecated !== undefined)
    notes.warnings.push(`metadata.${name} is deprecated: use ${parameter.deprecated}`)
  if (from === 'metadata' && parameter.secret && holdsSecret(parameter, text))
    notes.warnings.push(`metadata.${name} is a secret in the clear: give it by a TriggerAuthentication`)
}

const NUMERIC: readonly string[] = ['number', 'integer', 'quantity', 'duration', 'cron', 'timezone']

function isNumeric({ type = 'string' }: TriggerParameter): boolean {
  return NUMERIC.includes(type)
}

function placeOf({ from, name }: Given): FieldIssue['path'] {
  if (from === 'authentication') return ['authenticationRef']
  return ['metadata', from === 'environment' ? name + FROM_ENV : name]
}

/** URLs only where they carry a password. */
function holdsSecret(parameter: TriggerParameter, text: string): boolean {
  return parameter.type !== 'url' || /^[^/]*\/\/[^/]*:[^/]*@/.test(text)
}

function missing({ from, name }: TriggerParameter): string {
  const places = [
    ...(from.includes('M') ? ['metadata'] : []),
    ...(from.includes('E') ? [`metadata.${name}${FROM_ENV}`] : []),
    ...(from.includes('A') ? ['a TriggerAuthentication'] : []),
  ]
  return places.length === 1 && from === 'M' ? 'is required' : `is required, in ${places.join(' or ')}`
}

/** As KEDA, what is not known is accepted; unlike it, it is said. */
function noteUnknown(schema: TriggerSchema, { metadata, authentication }: Places, notes: Notes): void {
  const names = (place: string) =>
    schema.parameters
      .filter(({ from }) => from.includes(place))
      .flatMap(({ name, aliases = [] }) => [name, ...aliases])
  const known = [...names('M'), ...names('E').map((name) => name + FROM_ENV)]
  const secret = names('A')
  if (!schema.anyMetadata)
    for (const name of metadata.keys()) {
      if (known.includes(name)) continue
      if (secret.includes(name))
        notes.warnings.push(`metadata.${name} is ignored: it is taken from a TriggerAuthentication only`)
      else notes.warnings.push(`metadata.${name} is unknown and ignored${didYouMean(name, known)}`)
    }
  if (authentication === 'later') return
  for (const name of Object.keys(authentication))
    if (!secret.includes(name))
      notes.warnings.push(
        `the parameter ${name} of its TriggerAuthentication is ignored${didYouMean(name, secret)}`,
      )
}

function didYouMean(name: string, known: readonly string[]): string {
  const [near] = nearest(name, known, 1)
  return near === undefined ? '' : ` (did you mean ${near}?)`
}

/** KEDA's old metadata `type` of cpu and memory says it where the trigger does not. */
function metricTypeOf(
  schema: TriggerSchema,
  trigger: TriggerText,
  parameters: ReadParameters,
  notes: Notes,
): MetricType {
  const [first] = schema.metricTypes
  if (first === undefined) throw new NsctlError('Bug', `the trigger ${schema.types[0]} has no metricTypes`)
  const hasOld = schema.parameters.some(({ name }) => name === 'type') && schema.perInstance
  const old = hasOld && parameters.has('type') ? parameters.text('type') : undefined
  const said = trigger.metricType ?? old ?? first
  const found = schema.metricTypes.find((one) => one === said)
  if (found === undefined && said !== old)
    notes.issues.push({
      path: ['metricType'],
      message: `must be ${schema.metricTypes.join(' or ')} for ${schema.types[0]}, not ${said}`,
      value: said,
    })
  return found ?? first
}

function checkTarget(
  schema: TriggerSchema,
  parameters: GivenParameters,
  trigger: TriggerText,
  notes: Notes,
): void {
  const name = targetName(schema, parameters)
  if (name === undefined || parameters.pending(name)) return
  const target = parameters.number(name)
  const path = ['metadata', name]
  if (notes.issues.some((issue) => issue.path.join('.') === path.join('.'))) return
  if (target === undefined) {
    if (!trigger.inFormula && !parameters.has(name))
      notes.issues.push({ path, message: 'is required', refused: true })
  } else if (target < 0 || (target === 0 && !trigger.inFormula))
    notes.issues.push({
      path,
      message: `must be more than 0, not ${target}`,
      value: parameters.text(name),
      refused: true,
    })
}

/** `XFromEnv` is handed on as `X`, as KEDA does. */
function handedOn(
  schema: TriggerSchema,
  { metadata: texts, environment }: Places,
): Readonly<Record<string, string>> {
  const secret = new Set(
    schema.parameters.filter((one) => one.secret).flatMap(({ name, aliases = [] }) => [name, ...aliases]),
  )
  const metadata: Record<string, string> = {}
  for (const [name, text] of texts) {
    if (!secret.has(name)) metadata[name] = text
    if (!name.endsWith(FROM_ENV) || environment === 'later') continue
    const bare = name.slice(0, -FROM_ENV.length)
    const value = own(environment, text)
    if (value !== undefined && !secret.has(bare)) metadata[bare] = value
  }
  return metadata
}

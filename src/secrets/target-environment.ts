/** Variables of a program as its template says them: for triggers that name one of their target's (…FromEnv, `env`). */
import type { ServiceEnv, ServiceEnvFrom, ServiceTemplate } from '../resources/generated/types.ts'
import { type ProgramTemplate, programsOf } from '../resources/template.ts'
import { SecretValueError, type ValueResolver, type ValueSource } from './values.ts'

/** Where variables are looked for. */
export interface TargetEnvironment {
  readonly template: ServiceTemplate | undefined
  /** Which program of a group; the first where left out. */
  readonly container: string | undefined
  /** The target's: its template names nothing of another. */
  readonly namespace: string
}

/**
 * The variable `name` of a program; undefined where its template gives it none, or it comes from an optional place that is not there.
 *
 * @throws SecretValueError where it comes from a place that is not there
 */
export async function targetVariable(
  name: string,
  { template, container, namespace }: TargetEnvironment,
  values: ValueResolver,
): Promise<string | undefined> {
  const programs = template === undefined ? [] : programsOf(template)
  const program = container ? programs.find((one) => one.name === container) : programs[0]
  if (program === undefined) return undefined
  const own = program.env.find((one) => one.name === name)
  const value = own === undefined ? undefined : await ownValue(own, namespace, values)
  return value ?? (await fromWholes(name, program, namespace, values))
}

async function ownValue(
  { value, valueFrom }: ServiceEnv,
  namespace: string,
  values: ValueResolver,
): Promise<string | undefined> {
  const { secretKeyRef, configKeyRef } = valueFrom ?? {}
  if (secretKeyRef !== undefined)
    return await read({ secretKeyRef }, secretKeyRef.optional, namespace, values)
  if (configKeyRef !== undefined)
    return await read({ configKeyRef }, configKeyRef.optional, namespace, values)
  return value
}

/** Of `envFrom` the last that has it counts, and that a key is not there is no fault: nobody has named it. */
async function fromWholes(
  name: string,
  { envFrom = [] }: ProgramTemplate,
  namespace: string,
  values: ValueResolver,
): Promise<string | undefined> {
  for (const from of [...envFrom].reverse()) {
    const source = keyOf(name, from)
    const found = source && (await read(source, true, namespace, values))
    if (found !== undefined) return found
  }
  return undefined
}

function keyOf(name: string, { prefix = '', configRef, secretRef }: ServiceEnvFrom): ValueSource | undefined {
  if (!name.startsWith(prefix)) return undefined
  const key = name.slice(prefix.length)
  if (key === '') return undefined
  if (secretRef !== undefined) return { secretKeyRef: { name: secretRef.name, key } }
  return configRef === undefined ? undefined : { configKeyRef: { name: configRef.name, key } }
}

async function read(
  source: ValueSource,
  optional: boolean | undefined,
  namespace: string,
  values: ValueResolver,
): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await values.resolve(source, namespace))
  } catch (error) {
    const isMissing = error instanceof SecretValueError && error.reason.startsWith('Missing')
    if (isMissing && optional === true) return undefined
    throw error
  }
}

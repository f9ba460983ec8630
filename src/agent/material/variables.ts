/**
 * The variables that a program takes out of Configs and Secrets. Of one name the last wins, in this order: `envFrom` of the template,
 * `envFrom` of the program, `env` of the template, `env` of the program. Pure.
 */
import type { ServiceEnv, ServiceEnvFrom } from '../../resources/generated/types.ts'
import type { ProgramTemplate } from '../../resources/template.ts'
import { contentsFor, type Gathering, keyMissing, sourceText, textOf } from './gathering.ts'

export interface Variables {
  /** What everybody may know. */
  readonly plain: ReadonlyMap<string, string>
  readonly secret: ReadonlyMap<string, string>
}

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What a runtime tells its programs apart by. */
const RESERVED_NAME = /^(NSCTL_ATTEMPT$|nsctl__)/

type Variable = { readonly text: string; readonly secret: boolean }

export function variablesOf(program: ProgramTemplate, gathering: Gathering): Variables {
  const variables = new Map<string, Variable>()
  for (const list of program.envFrom ?? []) addAll(list, variables, gathering)
  for (const one of program.env) {
    const variable = variableOf(one, gathering)
    if (variable !== undefined) variables.set(one.name, variable)
  }
  const named = (secret: boolean) =>
    [...variables].flatMap(([name, one]) => (one.secret === secret ? [[name, one.text] as const] : []))
  return { plain: new Map(named(false)), secret: new Map(named(true)) }
}

/** Undefined where an optional reference leads nowhere: then what `envFrom` says of the name stays. */
function variableOf({ name, value, valueFrom }: ServiceEnv, gathering: Gathering): Variable | undefined {
  const ref = valueFrom?.secretKeyRef ?? valueFrom?.configKeyRef
  if (ref === undefined) return { text: value ?? '', secret: false }
  const kind = valueFrom?.secretKeyRef === undefined ? 'Config' : 'Secret'
  const source = { kind, name: ref.name } as const
  const contents = contentsFor(source, ref.optional, gathering)
  if (contents === undefined) return undefined
  const content = contents.get(ref.key)
  if (content === undefined) {
    if (!ref.optional) gathering.faults.push(keyMissing(source, ref.key, `the variable ${name}`))
    return undefined
  }
  const text = textOf(content)
  if (text !== undefined) return { text, secret: kind === 'Secret' }
  gathering.faults.push({
    phase: 'Failed',
    reason: 'NoText',
    message: `${sourceText(source)}: ${ref.key} cannot be the variable ${name}, because it is not UTF-8 text; take it as a file`,
  })
  return undefined
}

/** What cannot be a variable is left out, and said: nobody has named it. */
function addAll(from: ServiceEnvFrom, variables: Map<string, Variable>, gathering: Gathering): void {
  const ref = from.secretRef ?? from.configRef
  if (ref === undefined) return
  const kind = from.secretRef === undefined ? 'Config' : 'Secret'
  const source = { kind, name: ref.name } as const
  const left: string[] = []
  for (const [key, content] of contentsFor(source, ref.optional, gathering) ?? []) {
    const name = `${from.prefix ?? ''}${key}`
    const text = VARIABLE_NAME.test(name) && !RESERVED_NAME.test(name) ? textOf(content) : undefined
    if (text === undefined) left.push(key)
    else variables.set(name, { text, secret: kind === 'Secret' })
  }
  if (left.length > 0)
    gathering.notes.add(`${sourceText(source)}: not taken as variables: ${left.sort().join(', ')}`)
}

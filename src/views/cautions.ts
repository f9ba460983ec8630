/** What is allowed, and better done otherwise. */
import type { ChangeResult } from '../api/api.ts'
import { isObject } from '../core/json.ts'
import { formatCount } from '../core/words.ts'
import type { ServiceTemplate } from '../resources/generated/types.ts'
import type { AnyResource } from '../resources/object.ts'
import { objectName } from './names.ts'
import { printable } from './width.ts'

const SERVICES_NAMED = 3
/** Kinds whose objects name a PriorityClass. */
export const NAME_CLASSES: readonly string[] = ['Service', 'Job', 'ScaledJob']
const NONE: readonly never[] = []

/**
 * One line about all Services of `results` that now take a Secret as a variable and did not before; undefined where there is none.
 * Variables are handed on to whatever a program starts, and end up in its dumps.
 */
export function secretVariablesCaution(results: readonly ChangeResult[]): string | undefined {
  const services: string[] = []
  for (const { kind, verdict, object, before } of results) {
    if (kind.kind !== 'Service' || verdict === 'unchanged') continue
    const variables = secretVariables(object)
    if (variables.length === 0) continue
    const had = before === undefined ? [] : secretVariables(before)
    const fresh = variables.filter((one) => !had.includes(one))
    if (fresh.length > 0) services.push(printable(`${objectName(kind, object)} (${fresh.join(', ')})`))
  }
  if (services.length === 0) return undefined
  const shown = services.slice(0, SERVICES_NAMED).join(', ')
  const rest = services.length - SERVICES_NAMED
  const verb = services.length === 1 ? 'takes' : 'take'
  return `${formatCount(services.length, 'service')} ${verb} Secrets as variables, which everything they start sees: ${shown}${rest > 0 ? ` and ${rest} more` : ''}; files are safer: nsctl explain service.spec.template.secrets`
}

/** Asked of every Service that is applied: nothing is made where there is nothing to say. */
function secretVariables(object: AnyResource): readonly string[] {
  const template = object.spec?.template as Partial<ServiceTemplate> | undefined
  if (template === undefined) return NONE
  let found = variablesOf(template, NONE)
  for (const program of template.programs ?? NONE) found = variablesOf(program, found)
  return found
}

type Owner = Pick<ServiceTemplate, 'env' | 'envFrom'>

function variablesOf({ env, envFrom }: Owner, before: readonly string[]): readonly string[] {
  let found = before
  const add = (text: string) => {
    if (!found.includes(text)) found = [...found, text]
  }
  if (env !== undefined)
    for (const { name, valueFrom } of env) if (valueFrom?.secretKeyRef !== undefined) add(name)
  if (envFrom !== undefined)
    for (const { secretRef } of envFrom) if (secretRef !== undefined) add(`all of secret/${secretRef.name}`)
  return found
}

/** What is deleted beside it. */
export type IsDeleted = (object: AnyResource) => boolean

/**
 * One line about those of `users`, of NAME_CLASSES, that name a PriorityClass which is deleted; undefined where none does, but for what
 * is deleted itself, or has ended.
 */
export function priorityClassCaution(
  name: string,
  users: readonly AnyResource[],
  isDeleted: IsDeleted,
): string | undefined {
  const names = users
    .filter((one) => classOf(one) === name && !hasEnded(one) && !isDeleted(one))
    .map(({ kind, metadata }) => printable(`${kind.toLowerCase()}/${metadata.name} (${metadata.namespace})`))
  if (names.length === 0) return undefined
  const shown = names.slice(0, SERVICES_NAMED).join(', ')
  const rest = names.length - SERVICES_NAMED
  const verb = names.length === 1 ? 'names' : 'name'
  const whose = names.length === 1 ? 'its' : 'their'
  return `priorityclass/${name} is what ${shown}${rest > 0 ? ` and ${rest} more` : ''} ${verb}: ${whose} instances keep their priority, and none are made until there is a class of that name again`
}

function classOf({ kind, spec }: AnyResource): unknown {
  const owner = kind === 'ScaledJob' ? spec?.jobTargetRef : spec
  return isObject(owner) && isObject(owner.placement) ? owner.placement.priorityClassName : undefined
}

function hasEnded({ metadata, status }: AnyResource): boolean {
  return metadata.deletionTimestamp !== undefined || status?.completionTime !== undefined
}

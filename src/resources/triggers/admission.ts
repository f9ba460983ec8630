/** What is wrong with the triggers of a ScaledObject or a ScaledJob, and what is accepted and does not act. Pure. */

import { formatPath, type Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { FOREIGN_TRIGGERS, TRIGGERS, triggerSchema } from './index.ts'
import { readTrigger, type TriggerRead } from './read.ts'

/** A trigger as the schema has found it sound. */
export interface TriggerSpec {
  readonly type: string
  readonly name?: string
  readonly useCachedMetrics?: boolean
  readonly metadata: Readonly<Record<string, unknown>>
  readonly authenticationRef?: { readonly name: string; readonly kind?: string }
  readonly metricType?: string
}

export interface TriggerOptions {
  /** A formula takes their numbers. */
  readonly inFormula: boolean
}

const TRIGGERS_PATH: Path = ['spec', 'triggers']

/** What KEDA lets nobody ask for. */
const NEVER_CACHED: readonly string[] = ['cpu', 'memory', 'cron']

export function triggerIssues(
  triggers: readonly TriggerSpec[],
  options: TriggerOptions,
): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const first = new Map<string, number>()
  for (const [index, trigger] of triggers.entries()) {
    const at = (...steps: Path): Path => [...TRIGGERS_PATH, index, ...steps]
    const { name, type } = trigger
    const earlier = name ? first.get(name) : undefined
    if (earlier !== undefined)
      issues.push({
        path: at('name'),
        message: `must be unique: triggers[${earlier}] is named ${quote(name)} too`,
        value: name,
      })
    else if (name) first.set(name, index)
    if (trigger.useCachedMetrics && NEVER_CACHED.includes(type))
      issues.push({ path: at('useCachedMetrics'), message: `cannot be had of ${type}` })
    for (const { refused, ...issue } of readAtAdmission(trigger, options)?.issues ?? [])
      if (refused) issues.push({ ...issue, path: at(...issue.path) })
  }
  return issues
}

export function triggerWarnings(
  triggers: readonly TriggerSpec[],
  options: TriggerOptions,
): readonly string[] {
  const warnings: string[] = []
  for (const [index, trigger] of triggers.entries()) {
    const at = formatPath([...TRIGGERS_PATH, index])
    const read = readAtAdmission(trigger, options)
    if (read === undefined) warnings.push(`${at}.type: ${withoutSource(trigger.type)}`)
    else warnings.push(...brokenWarnings(read, index), ...read.warnings.map((warning) => `${at}.${warning}`))
  }
  return warnings
}

function brokenWarnings({ issues }: TriggerRead, index: number): readonly string[] {
  return issues
    .filter(({ refused }) => !refused)
    .map(({ path, message, suggestion }) => {
      const hint = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`
      return `${formatPath([...TRIGGERS_PATH, index, ...path])} ${message}${hint}: the trigger does not act`
    })
}

/** What a TriggerAuthentication and variables say is not known yet. Undefined for a type without a source. */
function readAtAdmission(trigger: TriggerSpec, { inFormula }: TriggerOptions): TriggerRead | undefined {
  const schema = triggerSchema(trigger.type)
  if (schema === undefined) return undefined
  const { metadata, metricType, authenticationRef } = trigger
  return readTrigger(schema, {
    metadata,
    inFormula,
    environment: 'later',
    ...(metricType !== undefined && { metricType }),
    ...(authenticationRef !== undefined && { authentication: 'later' }),
  })
}

/** Why a type does not act. */
export function withoutSource(type: string): string {
  if (FOREIGN_TRIGGERS.includes(type)) return `nsctl has no source for ${type}: the trigger does not act`
  const [near] = nearest(type, [...TRIGGERS.flatMap(({ types }) => types), ...FOREIGN_TRIGGERS], 1)
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`
  return `there is no trigger ${quote(type)}${hint}: it does not act`
}

/** What sources are opened with, for tests. */

import { systemClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import type { LogFields, Logger, LogLevel } from '../../../src/core/logger.ts'
import { triggerSchema } from '../../../src/resources/triggers/index.ts'
import { readTrigger } from '../../../src/resources/triggers/read.ts'
import type { MetricType, ReadParameters, TriggerSchema } from '../../../src/resources/triggers/schema.ts'
import { httpAgents } from '../../../src/scaling/http/agents.ts'
import type { SourceContext, TriggerConfig } from '../../../src/scaling/source.ts'

/** A trigger as a manifest and a TriggerAuthentication have it. */
export interface TriggerSpec {
  readonly type: string
  readonly metadata: Readonly<Record<string, string>>
  readonly authentication?: Readonly<Record<string, string>>
  readonly metricType?: MetricType
  readonly service?: TriggerConfig['service']
}

/** What the loop would open a source with. */
export function triggerConfig(spec: TriggerSpec, schema?: TriggerSchema): TriggerConfig {
  const { type, metadata, authentication = {}, metricType = 'AverageValue' } = spec
  const known = schema ?? triggerSchema(type)
  return {
    type,
    name: 'outside',
    parameters: known
      ? readTrigger(known, { metadata, authentication, metricType }).parameters
      : plainParameters({ ...metadata, ...authentication }),
    metadata,
    authentication,
    metricType,
    owner: { kind: 'ScaledObject', namespace: 'default', name: 'web' },
    service: 'service' in spec ? spec.service : { namespace: 'default', name: 'web' },
  }
}

/** Texts read without their checks; with the schema's aliases and defaults where it is given. */
export function plainParameters(
  given: Readonly<Record<string, string>>,
  schema?: TriggerSchema,
): ReadParameters {
  const find = (name: string) => {
    const parameter = schema?.parameters.find((one) => one.name === name)
    const text = [name, ...(parameter?.aliases ?? [])]
      .map((key) => given[key])
      .find((one) => one !== undefined)
    return { text: text ?? parameter?.default, given: text !== undefined }
  }
  const number = (name: string) => {
    const { text } = find(name)
    if (text === undefined || text === '') return undefined
    if (!Number.isFinite(Number(text))) throw new NsctlError('Bug', `${name} should have been refused before`)
    return Number(text)
  }
  return {
    text: (name) => find(name).text,
    number,
    flag: (name) => find(name).text === 'true',
    durationMs(name) {
      const seconds = number(name)
      return seconds === undefined ? undefined : seconds * 1_000
    },
    list: (name) =>
      (find(name).text ?? '')
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    has: (name) => find(name).given,
    pending: () => false,
  }
}

/** A context whose log can be read. */
export interface WatchedContext extends SourceContext {
  readonly lines: readonly {
    readonly level: LogLevel
    readonly message: string
    readonly fields: LogFields
  }[]
}

/** @param parts what is not to be as it is for most: no instances, no webhooks, a real clock */
export function sourceContext(parts: Partial<SourceContext> = {}): WatchedContext {
  const lines: { level: LogLevel; message: string; fields: LogFields }[] = []
  const loggerOf = (base: LogFields): Logger => ({
    log: (level, message, fields = {}) => lines.push({ level, message, fields: { ...base, ...fields } }),
    with: (fields) => loggerOf({ ...base, ...fields }),
  })
  return {
    clock: systemClock,
    logger: loggerOf({}),
    workloads: { exists: () => false, instances: () => [], inNamespace: () => [], usage: async () => [] },
    webhooks: { on: () => () => undefined },
    http: httpAgents(),
    ...parts,
    lines,
  }
}

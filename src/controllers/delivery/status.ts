/** What a Config's and a Secret's status says. Pure. */
import { type ConditionInput, findCondition, setConditions } from '../../resources/conditions.ts'
import type { Config, ConfigStatus, Secret, SecretStatus } from '../../resources/generated/types.ts'
import { configValues, configVersion, secretValues, secretVersion } from '../../resources/materials.ts'

/** More names than a table has room for are counted. */
const MAX_NAMED = 5

export interface Usage {
  /** Names of Services. */
  readonly services: readonly string[]
  /** Names of nodes. */
  readonly nodes: readonly string[]
}

/** What is wrong with getting it to a node. */
export interface DeliveryFault {
  readonly reason: string
  readonly message: string
}

export function configStatus(
  config: Config,
  { services }: Usage,
  faults: readonly DeliveryFault[],
): ConfigStatus {
  const fault = worst(faults)
  const usedBy = named(services)
  return {
    observedGeneration: config.metadata.generation,
    version: configVersion(config),
    keys: Object.keys(configValues(config)).length,
    ...(usedBy === '' ? {} : { usedBy }),
    ...(fault === undefined ? {} : { summary: fault.message }),
  }
}

export interface SecretStatusInput {
  readonly secret: Secret
  readonly usage: Usage
  /** Whether the control plane can open it. */
  readonly openable: ConditionInput
  readonly faults: readonly DeliveryFault[]
  /** RFC 3339 */
  readonly now: string
}

/** `before` with all that is this controller's: what was fetched, and whether it could be, is another's. */
export function secretStatus(before: SecretStatus | undefined, input: SecretStatusInput): SecretStatus {
  const { secret, usage, openable, now } = input
  const { generation } = secret.metadata
  const delivered = deliveredCondition(input)
  const conditions = setConditions(before?.conditions, [openable, delivered], now, generation)
  const wrong = [findCondition(before?.conditions, 'Fetched'), openable, delivered].find(
    (condition) => condition?.status === 'False',
  )
  const { nodes: _, usedBy: __, summary: ___, version: ____, keyNames: _____, ...others } = before ?? {}
  const values = secretValues(secret)
  const texts = {
    nodes: named(usage.nodes),
    usedBy: named(usage.services),
    keyNames: named(Object.keys(values ?? {})),
    summary: wrong?.message ?? wrong?.reason ?? '',
  }
  return {
    ...others,
    observedGeneration: generation,
    ...(values === undefined ? {} : { version: secretVersion(secret) }),
    source: secret.spec.external?.vault === undefined ? 'sealed' : 'vault',
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    conditions,
  }
}

function deliveredCondition({ usage, faults }: SecretStatusInput): ConditionInput {
  const type = 'Delivered'
  const fault = worst(faults)
  if (fault !== undefined) return { type, status: 'False', ...fault }
  return usage.nodes.length === 0
    ? { type, status: 'True', reason: 'NotNeeded', message: 'no node needs it' }
    : { type, status: 'True', reason: 'Delivered' }
}

/** One of several, always the same one. */
function worst(faults: readonly DeliveryFault[]): DeliveryFault | undefined {
  const byMessage = new Map(faults.map((fault) => [fault.message, fault]))
  const [first] = [...byMessage.keys()].sort()
  if (first === undefined) return undefined
  const more = byMessage.size > 1 ? ` (and ${byMessage.size - 1} more)` : ''
  return { reason: byMessage.get(first)?.reason ?? '', message: `${first}${more}` }
}

/** `a, b, c +4` */
function named(names: readonly string[]): string {
  const sorted = [...new Set(names)].sort()
  const more = sorted.length - MAX_NAMED
  return more > 0 ? `${sorted.slice(0, MAX_NAMED).join(',')} +${more}` : sorted.join(',')
}

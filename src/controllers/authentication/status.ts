/** What is said of a TriggerAuthentication. Pure. */
import { setConditions } from '../../resources/conditions.ts'
import type {
  ClusterTriggerAuthentication,
  Config,
  Secret,
  TriggerAuthentication,
  TriggerAuthenticationStatus,
} from '../../resources/generated/types.ts'
import { configValues, secretValues } from '../../resources/materials.ts'
import { unsupportedWay } from '../../resources/triggerauthentication/constraints.ts'

export type Authentication = TriggerAuthentication | ClusterTriggerAuthentication

/** What is known of what it names. */
export interface Surroundings {
  readonly secret: (name: string) => Secret | undefined
  readonly config: (name: string) => Config | undefined
  /** Scalers that name it: `worker`, or `shop/worker` of a cluster's. */
  readonly users: readonly string[]
}

interface Verdict {
  readonly reason: string
  readonly message: string
}

/** As many users as a table has room for. */
const SHOWN = 3

/** What Vault and a target's variables hold shows only when a scaler asks for it: that is not judged here. */
export function authenticationStatus(
  { metadata, spec, status }: Authentication,
  surroundings: Surroundings,
  now: string,
): TriggerAuthenticationStatus {
  const wrong = verdictOf(spec, surroundings)
  const secrets = [...new Set((spec.secretTargetRef ?? []).map(({ name }) => name))]
  const { users } = surroundings
  const shown = users.slice(0, SHOWN).join(', ')
  const usedBy = users.length > SHOWN ? `${shown} and ${users.length - SHOWN} more` : shown
  const ready =
    wrong === undefined
      ? { type: 'Ready', status: 'True' as const, reason: 'Found' }
      : { type: 'Ready', status: 'False' as const, ...wrong }
  const { generation } = metadata
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(secrets.length > 0 && { secretsText: secrets.join(', ') }),
    ...(usedBy !== '' && { usedBy }),
    ...(wrong !== undefined && { summary: wrong.message }),
    conditions: setConditions(status?.conditions, [ready], now, generation),
  }
}

function verdictOf(spec: Authentication['spec'], around: Surroundings): Verdict | undefined {
  const way = unsupportedWay(spec)
  if (way !== undefined) return { reason: 'Unsupported', message: `${way} cannot act here` }
  const { tokenFrom } = spec.hashiCorpVault?.credential ?? {}
  for (const { name, key } of [...(spec.secretTargetRef ?? []), ...(tokenFrom ? [tokenFrom] : [])]) {
    const found = missingSecret(around.secret(name), name, key)
    if (found !== undefined) return found
  }
  for (const { name, key } of spec.configMapTargetRef ?? []) {
    const config = around.config(name)
    if (config === undefined) return { reason: 'MissingConfig', message: `config/${name} is not there` }
    if (!Object.hasOwn(configValues(config), key))
      return { reason: 'MissingKey', message: `config/${name} has no key ${key}` }
  }
  return undefined
}

function missingSecret(secret: Secret | undefined, name: string, key: string): Verdict | undefined {
  if (secret === undefined) return { reason: 'MissingSecret', message: `secret/${name} is not there` }
  const values = secretValues(secret)
  if (values === undefined) return { reason: 'NotFetched', message: `secret/${name} was not fetched yet` }
  if (Object.hasOwn(values, key)) return undefined
  return { reason: 'MissingKey', message: `secret/${name} has no key ${key}` }
}

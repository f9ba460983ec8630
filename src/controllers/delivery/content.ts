/** What a Config or a Secret held at a version: now, on nodes that run with it, or in its revisions. */
import type { ResourceReader } from '../../api/api.ts'
import type {
  Config,
  ConfigSpec,
  Delivery,
  Secret,
  SecretSealedValue,
  SecretSpec,
} from '../../resources/generated/types.ts'
import { configValues, configVersion, secretValues, secretVersion } from '../../resources/materials.ts'
import type { ObjectRef } from '../../resources/object.ts'

/** A Secret's values by key, as they are sealed to the control plane. */
export type SealedValues = Readonly<Record<string, SecretSealedValue>>

type HistoryReader = Pick<ResourceReader, 'history'>

/** A Config's values at each of `versions`; one that is kept nowhere any more is left out. */
export async function configsAt(
  api: HistoryReader,
  ref: ObjectRef,
  versions: ReadonlySet<string>,
  now: { readonly config: Config | undefined; readonly deliveries: readonly Delivery[] },
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const found = new Map<string, Readonly<Record<string, string>>>()
  const take = (version: string, values: Readonly<Record<string, string>> | undefined) => {
    if (versions.has(version) && values !== undefined && !found.has(version)) found.set(version, values)
  }
  if (now.config !== undefined) take(configVersion(now.config), configValues(now.config))
  for (const { spec } of now.deliveries) take(spec.version, spec.values)
  if (found.size === versions.size) return found
  for (const { spec } of await api.history(ref)) {
    const config = { spec: spec as unknown as ConfigSpec }
    take(configVersion(config), configValues(config))
  }
  return found
}

/** A Secret's sealed values at each of `versions`. What came from elsewhere is in no revision: only the last of it is found. */
export async function secretsAt(
  api: HistoryReader,
  ref: ObjectRef,
  versions: ReadonlySet<string>,
  secret: Secret | undefined,
): Promise<ReadonlyMap<string, SealedValues>> {
  const found = new Map<string, SealedValues>()
  const take = (one: Pick<Secret, 'spec' | 'status'>) => {
    const version = secretVersion(one)
    const values = secretValues(one)
    if (versions.has(version) && values !== undefined && !found.has(version)) found.set(version, values)
  }
  if (secret !== undefined) take(secret)
  if (found.size === versions.size) return found
  for (const { spec } of await api.history(ref)) take({ spec: spec as unknown as SecretSpec })
  return found
}

/** Values for the control plane's own use: what Secrets, Configs and its environment hold for whoever names them. */
import type { ObjectCache } from '../engine/cache.ts'
import type { Config, Secret } from '../resources/generated/types.ts'
import type { Identity } from '../secrets/identity.ts'
import type { ValueResolver } from '../secrets/values.ts'
import type { Environment } from './paths.ts'

export interface SecretValuesOptions {
  /** Of a manager whose controllers watch Configs and Secrets. */
  readonly cache: ObjectCache
  /** The control plane's own. Rejects where it has none, or one that Secrets are not sealed to. */
  readonly identities: () => Promise<readonly Identity[]>
  readonly env: Environment
}

/** One for all that need one: what it has opened it remembers. Loads what opens Secrets with the first value that is asked for. */
export function secretValues(options: SecretValuesOptions): ValueResolver {
  let loaded: Promise<ValueResolver> | undefined
  return {
    async resolve(source, namespace) {
      loaded ??= load(options)
      return await (await loaded).resolve(source, namespace)
    },
  }
}

async function load({ cache, identities, env }: SecretValuesOptions): Promise<ValueResolver> {
  const { OpenedValues, StoredSecretValues, StoredValueResolver } = await import('../secrets/resolve.ts')
  const objects = {
    config: async (namespace: string, name: string) => cache.get<Config>({ kind: 'Config', namespace, name }),
    secret: async (namespace: string, name: string) => cache.get<Secret>({ kind: 'Secret', namespace, name }),
  }
  const secrets = new StoredSecretValues(objects, new OpenedValues(identities))
  return new StoredValueResolver({ secrets, objects, env })
}

/** Values for the control plane's own use, out of what is stored and its environment. The port is values.ts. */
import { isNsctlError, messageOf } from '../core/errors.ts'
import type { SecretSealedValue } from '../resources/generated/types.ts'
import { configValues, secretValues } from '../resources/materials.ts'
import type { Identity } from './identity.ts'
import { openValue, type ValuePlace } from './value.ts'
import {
  type KeyOf,
  type MaterialObjects,
  SecretValueError,
  type SecretValues,
  VARIABLE_PREFIX,
  type ValueResolver,
  type ValueSource,
} from './values.ts'

/** Opens sealed values, and those that it has opened lately from memory: in the control plane's process they are open anyway. */
export class OpenedValues {
  readonly #identities: () => Promise<readonly Identity[]>
  readonly #opened = new Map<string, { readonly age: string; readonly value: Uint8Array }>()
  readonly #most: number

  /** @param most how many are remembered */
  constructor(identities: () => Promise<readonly Identity[]>, most = 1_000) {
    this.#identities = identities
    this.#most = most
  }

  /** A copy of its own. @throws SecretValueError NotOpened */
  async open(sealed: SecretSealedValue, place: ValuePlace): Promise<Uint8Array> {
    const key = `${place.namespace}/${place.name} ${place.key} ${sealed.version}`
    const kept = this.#opened.get(key)
    // of the very same ciphertext: another may be for another place, or forged
    const value = kept?.age === sealed.age ? kept.value : await this.#open(sealed, place)
    this.#opened.delete(key)
    this.#opened.set(key, { age: sealed.age, value })
    const [oldest] = this.#opened.keys()
    if (this.#opened.size > this.#most && oldest !== undefined) this.#opened.delete(oldest)
    return value.slice()
  }

  async #open(sealed: SecretSealedValue, place: ValuePlace): Promise<Uint8Array> {
    try {
      return await openValue(sealed, place, await this.#identities())
    } catch (error) {
      if (!isNsctlError(error)) throw error
      throw new SecretValueError('NotOpened', messageOf(error), {
        ...(error.next === undefined ? {} : { next: error.next }),
      })
    }
  }
}

/** Values of Secrets as they are stored now. */
export class StoredSecretValues implements SecretValues {
  readonly #objects: MaterialObjects
  readonly #opened: OpenedValues

  constructor(objects: MaterialObjects, opened: OpenedValues) {
    this.#objects = objects
    this.#opened = opened
  }

  async get(place: ValuePlace): Promise<Uint8Array> {
    const { namespace, name, key } = place
    const secret = await this.#objects.secret(namespace, name)
    if (secret === undefined)
      throw new SecretValueError('MissingSecret', `there is no Secret ${namespace}/${name}`, {
        next: `nsctl create secret generic ${name} -n ${namespace} --from-file ${key}=FILE`,
      })
    const values = secretValues(secret)
    if (values === undefined)
      throw new SecretValueError('NotFetched', `Secret ${namespace}/${name} was not fetched yet`, {
        next: `nsctl describe secret ${name} -n ${namespace}`,
      })
    const sealed = Object.hasOwn(values, key) ? values[key] : undefined
    if (sealed === undefined)
      throw new SecretValueError('MissingKey', `Secret ${namespace}/${name} has no key ${key}`, {
        next: `nsctl secret rotate ${name} ${key} -n ${namespace}, or name another key`,
      })
    return await this.#opened.open(sealed, place)
  }
}

export interface ValueResolverOptions {
  readonly secrets: SecretValues
  readonly objects: Pick<MaterialObjects, 'config'>
  /** The control plane's own. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Values from wherever an object says that they come from. */
export class StoredValueResolver implements ValueResolver {
  readonly #options: ValueResolverOptions

  constructor(options: ValueResolverOptions) {
    this.#options = options
  }

  async resolve(source: ValueSource, namespace: string): Promise<Uint8Array> {
    if ('secretKeyRef' in source) {
      const { name, key } = source.secretKeyRef
      return await this.#options.secrets.get({ namespace, name, key })
    }
    if ('configKeyRef' in source) return await this.#ofConfig(source.configKeyRef, namespace)
    return bytesOf('env' in source ? this.#ofEnvironment(source.env) : source.value)
  }

  async #ofConfig({ name, key }: KeyOf, namespace: string): Promise<Uint8Array> {
    const config = await this.#options.objects.config(namespace, name)
    if (config === undefined)
      throw new SecretValueError('MissingConfig', `there is no Config ${namespace}/${name}`, {
        next: `nsctl create config ${name} -n ${namespace} --from-literal ${key}=VALUE`,
      })
    const values = configValues(config)
    if (!Object.hasOwn(values, key))
      throw new SecretValueError('MissingKey', `Config ${namespace}/${name} has no key ${key}`, {
        next: 'add it, or name another key',
      })
    return bytesOf(values[key] as string)
  }

  #ofEnvironment(name: string): string {
    if (!name.startsWith(VARIABLE_PREFIX))
      throw new SecretValueError('NotAllowed', `the variable ${name} of the control plane cannot be named`, {
        value: name,
        next: `set it there under a name that begins with ${VARIABLE_PREFIX}`,
      })
    const value = this.#options.env[name]
    if (value !== undefined) return value
    throw new SecretValueError('MissingVariable', `the control plane has no variable ${name}`, {
      value: name,
      next: 'set it in the environment of nsctl up or nsctl controller, and start that anew',
    })
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

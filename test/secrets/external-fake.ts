/** A source that is a map in memory, for tests of what stands over the port. */
import { setImmediate } from 'node:timers/promises'
import type { SecretExternal } from '../../src/resources/generated/types.ts'
import {
  type ExternalCredentials,
  ExternalError,
  type ExternalSource,
  type ExternalValues,
} from '../../src/secrets/external.ts'
import { CREDENTIAL, type ExternalBench } from './external-contract.ts'

export class FakeSource implements ExternalSource {
  readonly kind = 'vault'
  readonly secrets = new Map<string, { version: number; values: ReadonlyMap<string, Uint8Array> }>()
  /** Paths, in the order in which they were asked for. */
  readonly asked: string[] = []
  /** Thrown in place of an answer. */
  fails: (() => Error) | undefined
  closed = false

  put(path: string, values: Readonly<Record<string, string | Uint8Array>>): void {
    const bytes = Object.entries(values).map(
      ([key, value]) => [key, typeof value === 'string' ? new TextEncoder().encode(value) : value] as const,
    )
    const version = (this.secrets.get(path)?.version ?? 0) + 1
    this.secrets.set(path, { version, values: new Map(bytes) })
  }

  async fetch(
    { vault }: SecretExternal,
    credentials: ExternalCredentials,
    signal: AbortSignal,
  ): Promise<ExternalValues> {
    signal.throwIfAborted()
    const path = vault?.path ?? ''
    this.asked.push(path)
    const ref = vault?.auth?.token
    const credential = ref === undefined ? '' : await credentials.get(ref)
    await setImmediate()
    signal.throwIfAborted()
    if (this.fails !== undefined) throw this.fails()
    if (credential !== CREDENTIAL) throw new ExternalError('NotPermitted', 'the fake lets nobody in')
    const found = this.secrets.get(path)
    if (found === undefined)
      throw new ExternalError('Missing', `the fake has no ${path}`, { next: 'put it there' })
    return { version: `version ${found.version}`, values: found.values }
  }

  close(): void {
    this.closed = true
  }
}

/** What the contract needs of it. */
export async function fakeBench(): Promise<ExternalBench> {
  const source = new FakeSource()
  return {
    source,
    spec: (name) => vaultSpec(name),
    put: (name, values) => source.put(name, values),
    remove: (name) => void source.secrets.delete(name),
    async away(is) {
      source.fails = is ? () => new ExternalError('Unreachable', 'the fake is away') : undefined
    },
    close: async () => {},
  }
}

/** A spec that logs in with the key `credential` of the Secret `login`. */
export function vaultSpec(path: string, address = 'http://127.0.0.1:8200'): SecretExternal {
  const auth = { token: { name: 'login', key: 'credential' } }
  return { vault: { address, mount: 'secret', path, auth }, refresh: '1m' }
}

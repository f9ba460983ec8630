/** What a TriggerAuthentication gives: parameters of a trigger, read from wherever it says. */
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { SecretExternal } from '../resources/generated/types.ts'
import { unsupportedWay } from '../resources/triggerauthentication/constraints.ts'
import type { AuthenticationSpec, VaultTarget } from '../resources/triggerauthentication/manifest-type.ts'
import type { ExternalReader } from './external.ts'
import { SecretValueError, type ValueResolver, type ValueSource } from './values.ts'

export interface AuthenticationParts {
  readonly values: ValueResolver
  /** A variable of the target; undefined where it has none of that name. */
  readonly variable: (name: string, container: string | undefined) => Promise<string | undefined>
  /** What reads Vault; asked for where one is named. */
  readonly vault: (external: SecretExternal) => Promise<ExternalReader>
}

/** A value that somebody fetches, by the name of the parameter that it is for. */
type Fetch = readonly [parameter: string, fetch: () => Promise<string>]

/**
 * The parameters, by name. Where several give the same one the last counts, in KEDA's order: variables, Configs, Secrets, Vault.
 *
 * @param namespace where the Secrets and Configs are that it names
 * @throws NsctlError Unsupported where it names what there is not here; or why a parameter is not to be had, with its name and the name of
 *   what it was to come from, and no value
 */
export async function resolveAuthentication(
  spec: AuthenticationSpec,
  namespace: string,
  parts: AuthenticationParts,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const way = unsupportedWay(spec)
  if (way !== undefined)
    throw new NsctlError('Unsupported', `${way} cannot act here`, {
      value: way,
      next: 'use secretTargetRef, configMapTargetRef, env, or hashiCorpVault with a token',
    })
  const parameters = new Map<string, string>()
  for (const [parameter, fetch] of [
    ...variableFetches(spec, namespace, parts),
    ...keyFetches(spec, namespace, parts.values),
    ...vaultFetches(spec.hashiCorpVault, namespace, parts, signal),
  ]) {
    signal.throwIfAborted()
    const value = await fetch().catch((error: unknown) => {
      signal.throwIfAborted()
      throw forParameter(parameter, error)
    })
    parameters.set(parameter, value)
  }
  return Object.fromEntries(parameters)
}

/** Of the target, or else of the control plane where it is one that may be named. */
function variableFetches(
  { env = [] }: AuthenticationSpec,
  namespace: string,
  { variable, values }: AuthenticationParts,
): readonly Fetch[] {
  return env.map(({ parameter, name, containerName }) => [
    parameter,
    async () => {
      const own = await variable(name, containerName || undefined)
      if (own !== undefined) return own
      return await read({ env: name }, namespace, values).catch((error) => {
        if (!(error instanceof SecretValueError) || error.reason !== 'NotAllowed') throw error
        throw new SecretValueError('MissingVariable', `the target has no variable ${name}`, {
          value: name,
          next: 'give its template one, or set NSCTL_VALUE_… in the environment of the control plane and name that',
        })
      })
    },
  ])
}

function keyFetches(
  { configMapTargetRef = [], secretTargetRef = [] }: AuthenticationSpec,
  namespace: string,
  values: ValueResolver,
): readonly Fetch[] {
  const of = ({ parameter }: { readonly parameter: string }, source: ValueSource): Fetch => [
    parameter,
    () => read(source, namespace, values),
  ]
  return [
    ...configMapTargetRef.map((one) => of(one, { configKeyRef: { name: one.name, key: one.key } })),
    ...secretTargetRef.map((one) => of(one, { secretKeyRef: { name: one.name, key: one.key } })),
  ]
}

function vaultFetches(
  vault: VaultTarget | undefined,
  namespace: string,
  { values, vault: readerOf }: AuthenticationParts,
  signal: AbortSignal,
): readonly Fetch[] {
  if (vault === undefined) return []
  const { token, tokenFrom } = vault.credential ?? {}
  const credentials = {
    get: async () => {
      if (tokenFrom !== undefined) return await read({ secretKeyRef: tokenFrom }, namespace, values)
      if (token) return token
      throw new NsctlError('Invalid', 'hashiCorpVault has no token', { next: 'give credential.tokenFrom' })
    },
  }
  return vault.secrets.map(({ parameter, path, key }) => [
    parameter,
    async () => {
      const external = externalOf(vault, path)
      const { values: found } = await (await readerOf(external)).fetch(external, credentials, signal)
      const value = found.get(key)
      if (value !== undefined) return new TextDecoder().decode(value)
      throw new SecretValueError('MissingKey', `${path} in Vault has no key ${key}`, { value: key })
    },
  ])
}

/** KEDA's path holds the mount, and `data` of version 2 after it: `secret/data/queue`. */
function externalOf({ address, namespace }: VaultTarget, path: string): SecretExternal {
  const [mount = '', ...rest] = path.split('/').filter((part) => part !== '')
  if (rest[0] === 'data') rest.shift()
  if (rest.length === 0)
    throw new NsctlError('Invalid', `${JSON.stringify(path)} is no path in Vault`, {
      value: path,
      next: 'write it with its mount: secret/data/queue',
    })
  const auth = { token: { name: '', key: '' } }
  const vault = { address, mount, path: rest.join('/'), auth, ...(namespace && { namespace }) }
  return { vault } as SecretExternal
}

/** Text as it is. A file's last newline is no part of what it holds. */
async function read(source: ValueSource, namespace: string, values: ValueResolver): Promise<string> {
  return new TextDecoder().decode(await values.resolve(source, namespace)).replace(/\r?\n$/, '')
}

function forParameter(parameter: string, error: unknown): NsctlError {
  const code = isNsctlError(error) ? error.code : 'Failed'
  return new NsctlError(code, `parameter ${parameter}: ${messageOf(error)}`, {
    value: parameter,
    cause: error,
    ...(isNsctlError(error) && error.next !== undefined && { next: error.next }),
  })
}

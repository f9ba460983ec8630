/** Which store a command talks to, and as whom. */
import { dirname, resolve } from 'node:path'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { absoluteStoreUrl, configFileOf, type Environment } from '../paths.ts'
import { contextNamed, noContext, type StoreContext } from './config.ts'
import { readConfigFile, shownPath } from './read.ts'

export interface StorePlace {
  /** As --store has it; undefined for what the environment says, or the embedded store. */
  readonly store?: string
  /** Where to work unless -n says otherwise. */
  readonly namespace?: string
  /** Variables that the store's adapter reads, from a context; undefined takes one away. */
  readonly variables?: Environment
  /** `prod (from ~/.config/nsctl/config)`: the context that it comes from. */
  readonly origin?: string
  /** One line for the user. */
  readonly warning?: string
}

export interface GivenPlace {
  /** --store */
  readonly store?: string | undefined
  /** --context */
  readonly context?: string | undefined
}

/**
 * --store; else --context; else $NSCTL_STORE; else the current context; else the embedded store. A context's namespace and
 * credentials go with its store and nowhere else: no other server shall see them. Without a file of contexts this costs one stat.
 *
 * Errors: Usage for --store beside --context; Invalid for a context that is not there, or a file that is damaged.
 */
export async function choosePlace(env: Environment, { store, context }: GivenPlace): Promise<StorePlace> {
  if (store !== undefined && context !== undefined)
    throw new NsctlError('Usage', '--store and --context exclude each other: a context names a store', {
      value: context,
      next: 'leave one of them out',
    })
  if (store !== undefined) return { store }
  if (context === undefined && env.NSCTL_STORE) return {}
  const path = configFileOf(env)
  const file = await readConfigFile(path)
  const config = file?.config ?? { contexts: [] }
  const name = context ?? config.currentContext
  if (name === undefined) return {}
  const found = contextNamed(config, name)
  if (found === undefined)
    throw unknownContext(noContext(config, name, shownPath(path)), context === undefined)
  return {
    ...placeOf(found, name, path),
    ...(file?.warning === undefined ? {} : { warning: file.warning }),
  }
}

/** The input is wrong: no answer to a question, as NotFound would be. */
function unknownContext({ message, value, next }: NsctlError, isCurrent: boolean): NsctlError {
  if (!isCurrent) return new NsctlError('Invalid', message, { value, ...(next && { next }) })
  return new NsctlError('Invalid', `${message}, which names it as the current one`, {
    value,
    next: `${next}; choose one with nsctl config use-context NAME`,
  })
}

function placeOf(context: StoreContext, name: string, path: string): StorePlace {
  const folder = dirname(path)
  const origin = `${name} (from ${shownPath(path)})`
  return {
    store: storeOf(context, folder, origin),
    origin,
    variables: variablesOf(context, folder),
    ...(context.namespace === undefined ? {} : { namespace: context.namespace }),
  }
}

function storeOf({ store }: StoreContext, folder: string, origin: string): string {
  try {
    return absoluteStoreUrl(store, folder)
  } catch (error) {
    if (!isNsctlError(error)) throw error
    const { code, message, value, next } = error
    throw new NsctlError(code, `context ${origin}: ${message}`, { value, ...(next && { next }) })
  }
}

/** The variables of the engines' own commands, which our adapters read. Files count from the config's folder. */
export function variablesOf(context: StoreContext, folder: string): Environment {
  const file = (path: string | undefined) => path && resolve(folder, path)
  const ca = file(context['certificate-authority'])
  const cert = file(context['client-certificate'])
  const key = file(context['client-key'])
  const tokenFile = file(context.tokenFile)
  const { token, username, password } = context
  return {
    // one of another store would win over ours, or be sent in its place
    ...(token || tokenFile ? { CONSUL_HTTP_TOKEN: token, CONSUL_HTTP_TOKEN_FILE: tokenFile } : {}),
    ...(ca ? { CONSUL_CACERT: ca, ETCDCTL_CACERT: ca } : {}),
    ...(cert || key
      ? { CONSUL_CLIENT_CERT: cert, CONSUL_CLIENT_KEY: key, ETCDCTL_CERT: cert, ETCDCTL_KEY: key }
      : {}),
    ...(username ? { ETCDCTL_USER: username } : {}),
    ...(password ? { ETCDCTL_PASSWORD: password } : {}),
  }
}

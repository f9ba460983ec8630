/** Contexts: stores by name, and which of them is current. Pure: from a config to another, or to what is shown of it. */
import { NsctlError } from '../../core/errors.ts'
import { nearest } from '../../core/nearest.ts'
import { API_VERSION } from '../../resources/object.ts'

/** What a context may say, in the order in which it is written. Spelled as in a kubeconfig where that has the same. */
export const CONTEXT_FIELDS = [
  'store',
  'namespace',
  'username',
  'password',
  'token',
  'tokenFile',
  'certificate-authority',
  'client-certificate',
  'client-key',
] as const

export type ContextField = (typeof CONTEXT_FIELDS)[number]

export type StoreContext = { readonly store: string } & { readonly [F in ContextField]?: string }

export interface NamedContext {
  readonly name: string
  readonly context: StoreContext
}

export interface Config {
  readonly currentContext?: string
  readonly contexts: readonly NamedContext[]
}

export const EMPTY_CONFIG: Config = { contexts: [] }
export const CONFIG_KIND = 'Config'

/** The fields that only their owner may see. */
const SECRET_FIELDS: readonly ContextField[] = ['password', 'token']
const REDACTED = 'REDACTED'

/** The context of that name; undefined where there is none. */
export function contextNamed(config: Config, name: string): StoreContext | undefined {
  return config.contexts.find((one) => one.name === name)?.context
}

/** NotFound for a name, with those that are there: the nearest first. */
export function noContext(config: Config, name: string, file: string): NsctlError {
  const names = config.contexts.map((one) => one.name)
  const near = nearest(name, names, names.length)
  const listed = [...near, ...names.filter((one) => !near.includes(one))]
  return new NsctlError('NotFound', `there is no context ${JSON.stringify(name)} in ${file}`, {
    value: name,
    next:
      listed.length === 0
        ? `there is none at all: nsctl config set-context ${name} --store URL makes it`
        : `${near.length > 0 ? `did you mean ${near[0]}? ` : ''}there are ${listed.join(', ')}`,
  })
}

/** With these fields set in the context of that name, which is made where it is missing; `''` takes a field away. */
export function withContext(config: Config, name: string, fields: Partial<StoreContext>): Config {
  const merged = { ...contextNamed(config, name), ...fields }
  const context = Object.fromEntries(
    CONTEXT_FIELDS.flatMap((field) => (merged[field] ? [[field, merged[field]]] : [])),
  ) as unknown as StoreContext
  const isThere = config.contexts.some((one) => one.name === name)
  const contexts = isThere
    ? config.contexts.map((one) => (one.name === name ? { name, context } : one))
    : [...config.contexts, { name, context }]
  return { ...config, contexts }
}

/** Without that context; if it was the current one, none is. */
export function withoutContext({ currentContext, contexts }: Config, name: string): Config {
  return {
    ...(currentContext === undefined || currentContext === name ? {} : { currentContext }),
    contexts: contexts.filter((one) => one.name !== name),
  }
}

/** With another name for a context, which stays the current one if it was. */
export function withContextRenamed(config: Config, from: string, to: string): Config {
  return {
    ...config,
    ...(config.currentContext === from ? { currentContext: to } : {}),
    contexts: config.contexts.map((one) => (one.name === from ? { ...one, name: to } : one)),
  }
}

/** Usage unless it can be a context's name: something to see, without spaces, that no flag looks like. */
export function checkContextName(name: string): void {
  if (/^[^\s\p{C}-][^\s\p{C}]*$/u.test(name) && name.length <= 253) return
  throw new NsctlError('Usage', `not a name for a context: ${JSON.stringify(name)}`, {
    value: name,
    next: 'use letters, digits and what stands between them: prod, ada@lab',
  })
}

/** What is written into the file. */
export function documentOf(config: Config): object {
  return {
    apiVersion: API_VERSION,
    kind: CONFIG_KIND,
    ...(config.currentContext === undefined ? {} : { 'current-context': config.currentContext }),
    contexts: config.contexts,
  }
}

/** True where something in it is nobody else's business. */
export function hasSecret(config: Config): boolean {
  return config.contexts.some(({ context }) => {
    const shown = redactedContext(context)
    return CONTEXT_FIELDS.some((field) => shown[field] !== context[field])
  })
}

export function redactedConfig(config: Config): Config {
  return {
    ...config,
    contexts: config.contexts.map(({ name, context }) => ({ name, context: redactedContext(context) })),
  }
}

function redactedContext(context: StoreContext): StoreContext {
  const secrets = SECRET_FIELDS.filter((field) => context[field] !== undefined)
  return {
    ...context,
    store: redactedUrl(context.store),
    ...Object.fromEntries(secrets.map((field) => [field, REDACTED])),
  }
}

/** A store's URL without its password or token. The path of a file may hold what looks like one. */
export function redactedUrl(url: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url) || /^(sqlite|file):/i.test(url)) return url
  return url
    .replace(/\/\/(?:([^/@:]*):)?.*@/s, (_, user?: string) =>
      user === undefined ? `//${REDACTED}@` : `//${user}:${REDACTED}@`,
    )
    .replace(/([?&](?:[a-z-]*token|password|secret)=)[^&]*/gi, `$1${REDACTED}`)
}

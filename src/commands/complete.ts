import type { Client } from '../client/client.ts'
import { configFileOf } from '../main/paths.ts'
import type { Secret } from '../resources/generated/types.ts'
import { argumentsOf, type FlagShapes, splitVerb } from './argv.ts'
import { type CommandClass, NsctlCommand } from './base.ts'

import * as shared from './flags.ts'
import { VERB_NAMES, VERBS } from './table.ts'

type Flags = NonNullable<CommandClass['flags']>

/** Verbs whose words name objects: TYPE, then names. */
const ON_OBJECTS: ReadonlySet<string> = new Set([
  'get',
  'describe',
  'delete',
  'edit',
  'patch',
  'label',
  'annotate',
  'rollback',
  'history',
  'scale',
  'wait',
  'top',
  'logs',
  'exec',
  'port-forward',
  'rollout status',
  'rollout restart',
  'rollout pause',
  'rollout resume',
  'rollout promote',
  'rollout abort',
  'rollout undo',
  'rollout history',
])

/** Verbs whose words name instances, or services for all of theirs. */
const ON_INSTANCES: ReadonlySet<string> = new Set(['logs', 'exec', 'port-forward'])

/** Verbs whose first word names a context. */
const ON_CONTEXTS: ReadonlySet<string> = new Set([
  'config get-contexts',
  'config use-context',
  'config set-context',
  'config rename-context',
  'config delete-context',
])

/** Verbs whose first word names an object of one type, and whether the next ones name keys of a Secret. */
const ON_NAMES: Readonly<
  Record<string, { readonly type: string; readonly thenKeys?: boolean; readonly isMany?: boolean }>
> = {
  'secret edit': { type: 'secrets' },
  'secret reveal': { type: 'secrets', thenKeys: true },
  'secret rotate': { type: 'secrets', thenKeys: true },
  'secret rekey': { type: 'secrets', isMany: true },
  'node trust': { type: 'nodes' },
  cordon: { type: 'nodes' },
  uncordon: { type: 'nodes' },
  drain: { type: 'nodes' },
  'scaler history': { type: 'scaledobjects' },
  'scaler explain': { type: 'scaledobjects' },
  'scaler pause': { type: 'scaledobjects', isMany: true },
  'scaler resume': { type: 'scaledobjects', isMany: true },
  'scaler trigger': { type: 'scaledobjects' },
}

/** Verbs whose first word says what to do, and the type of what the next one names. */
const WITH_ACTIONS: Readonly<
  Record<string, { readonly actions: readonly string[]; readonly type?: string }>
> = {
  'secret recipients': { actions: ['list', 'add', 'remove', 'trust'], type: 'recipients' },
  'node token': { actions: ['list', 'create', 'delete'], type: 'jointokens' },
  'secret identity': { actions: ['show', 'make', 'export', 'import'] },
  'create secret': { actions: ['generic'] },
}

/** Global flags that say which store has the names. */
const PLACE_FLAGS: ReadonlySet<string> = new Set(['--store', '--context'])

const FORMATS = ['json', 'yaml', 'name', 'wide', 'table', 'jsonpath=', 'custom-columns=']

/** `nsctl __complete -- WORD…`: what could stand for the last word, a line each; a tab before what it means. */
export class Complete extends NsctlCommand {
  static override summary = 'What could follow on a command line, for the completion of shells'
  static override args = { words: shared.argument({ multiple: true, description: 'The words so far.' }) }

  override async run(): Promise<undefined> {
    await this.parse(Complete, [...typedGlobals(this.argv), ...this.argv])
    const typed = this.words.at(-1) ?? ''
    const found = await this.#candidates(this.words.slice(0, -1), typed)
    this.print(found.filter((line) => line.startsWith(typed)).join('\n'))
  }

  async #candidates(before: readonly string[], typed: string): Promise<readonly string[]> {
    if (before.at(-1) === '-n' || before.at(-1) === '--namespace') return this.#names('namespaces', before)
    if (before.at(-1) === '--context') return this.#contexts()
    const { verb, first, rest } = splitVerb(before, VERB_NAMES, shared.globalFlags)
    if (verb === undefined) return verbCandidates(first)
    const flags = await flagsOf(verb)
    if (typed.startsWith('-')) return flagCandidates(flags)
    if (before.at(-1) === '-o' || before.at(-1) === '--output') return FORMATS
    const words = argumentsOf(rest, flags as FlagShapes)
    if (ON_OBJECTS.has(verb)) return this.#objects(verb, words, typed, before)
    if (verb === 'explain') return (await this.client()).kinds.all().map((kind) => kind.singular)
    if (ON_CONTEXTS.has(verb)) return words.length === 0 ? this.#contexts() : []
    const named = ON_NAMES[verb]
    if (named !== undefined) return this.#named(named, words, before)
    const acting = WITH_ACTIONS[verb]
    if (acting !== undefined) {
      if (words.length === 0) return acting.actions
      const names = words.length === 1 && ['remove', 'trust'].includes(words[0]!) ? acting.type : undefined
      return names === undefined ? [] : this.#names(names, before)
    }
    if (verb === 'completion') return ['bash', 'zsh', 'fish']
    return words.length === 0 ? verbCandidates(verb) : []
  }

  async #named(
    { type, thenKeys, isMany }: (typeof ON_NAMES)[string],
    words: readonly string[],
    before: readonly string[],
  ): Promise<readonly string[]> {
    const [name] = words
    if (name === undefined || isMany === true) return this.#names(type, before)
    if (thenKeys !== true) return []
    const client = await this.client()
    const secret = await client.get<Secret>({ kind: 'Secret', namespace: this.#namespaceOf(before), name })
    return Object.keys(secret?.spec.sealed ?? secret?.status?.fetched ?? {}).toSorted()
  }

  /** Their names, and which stores they are. */
  async #contexts(): Promise<readonly string[]> {
    const { readConfigFile } = await import('../main/config/read.ts')
    const { redactedUrl } = await import('../main/config/config.ts')
    const file = await readConfigFile(configFileOf(this.context.env))
    return (file?.config.contexts ?? []).map(({ name, context }) => `${name}\t${redactedUrl(context.store)}`)
  }

  async #objects(
    verb: string,
    words: readonly string[],
    typed: string,
    before: readonly string[],
  ): Promise<readonly string[]> {
    const slash = typed.indexOf('/')
    if (slash !== -1) {
      const type = typed.slice(0, slash)
      return (await this.#names(type, before)).map((name) => `${type}/${name}`)
    }
    if (ON_INSTANCES.has(verb)) {
      const services = (await this.#names('services', before)).map((name) => `service/${name}`)
      return [...(await this.#names('instances', before)), ...services]
    }
    if (words[0] !== undefined && !words[0].includes('/')) return this.#names(words[0], before)
    const client = await this.client()
    await client.refreshKinds()
    return client.kinds.all().flatMap((kind) => {
      const meaning = kind.description.split(/[.:,;] /)[0]
      return [kind.plural, ...kind.shortNames].map((name) => `${name}\t${meaning}`)
    })
  }

  /** The names of a type in the namespace that the line names. Nothing, rather than an error, where there is no store. */
  async #names(type: string, before: readonly string[]): Promise<readonly string[]> {
    const client: Client = await this.client()
    if (client.kinds.byName(type) === undefined) await client.refreshKinds()
    const kind = client.kinds.byName(type)
    if (kind === undefined) return []
    const namespace = this.#namespaceOf(before)
    const { items } = await client.list(kind, kind.scope === 'Namespaced' ? { namespace } : {})
    return items.map((item) => item.metadata.name)
  }

  #namespaceOf(before: readonly string[]): string {
    const at = before.findIndex((word) => word === '-n' || word === '--namespace')
    return at === -1 ? this.namespace : (before[at + 1] ?? this.namespace)
  }
}

/** What the line so far says of the store; the last word is still being typed. */
function typedGlobals(argv: readonly string[]): readonly string[] {
  const words = argv.slice(argv.indexOf('--') + 1, -1)
  const end = words.indexOf('--')
  return words.slice(0, end === -1 ? words.length : end).flatMap((word, at, all) => {
    if (/^--(store|context)=/.test(word)) return [word]
    const value = all[at + 1]
    return PLACE_FLAGS.has(word) && value !== undefined ? [`${word}=${value}`] : []
  })
}

/** Verbs, or what may follow the first word of one: `status` after `rollout`. */
function verbCandidates(first: string | undefined): readonly string[] {
  const verbs = VERBS.filter((verb) => !verb.isHidden)
  if (first === undefined) {
    const topics = verbs.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0]!] : []))
    const single = verbs.filter(({ name }) => !name.includes(' '))
    return [
      ...single.map(({ name, summary }) => `${name}\t${summary}`),
      ...[...new Set(topics)].filter((topic) => !single.some(({ name }) => name === topic)),
    ]
  }
  return verbs
    .filter((verb) => verb.name.startsWith(`${first} `))
    .map((verb) => `${verb.name.slice(first.length + 1)}\t${verb.summary}`)
}

async function flagsOf(name: string): Promise<Flags> {
  const command = await VERBS.find((verb) => verb.name === name)?.load()
  return { ...command?.flags, ...command?.baseFlags }
}

function flagCandidates(flags: Flags): readonly string[] {
  return Object.entries(flags).map(([flag, { summary }]) => `--${flag}\t${summary ?? ''}`)
}

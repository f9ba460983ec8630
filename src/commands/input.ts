/** What -f names, for the verbs that take manifests. */
import { combineFaults, type LoadedManifests, loadManifests } from '../client/manifests.ts'
import { NsctlError } from '../core/errors.ts'
import { usage } from './base.ts'
import type { CommandContext } from './context.ts'
import type { KindSource, Target } from './targets.ts'

export interface FileFlags {
  readonly filename?: readonly string[] | undefined
  readonly recursive?: boolean | undefined
}

/** Reads and parses all of -f. Usage where there is no -f, or standard input is named twice. */
export async function loadFiles(
  flags: FileFlags,
  verb: string,
  context: CommandContext,
): Promise<LoadedManifests> {
  const names = flags.filename ?? []
  if (names.length === 0) throw usage('no manifest was named', verb, undefined, `write nsctl ${verb} -f FILE`)
  if (names.filter((name) => name === '-').length > 1)
    throw usage('standard input can be read only once', verb, '-')
  return loadManifests({
    names,
    recursive: flags.recursive === true,
    cwd: context.cwd,
    readStdin: () => context.readStdin(),
    signal: context.signal,
  })
}

/** The error for sources that hold no document at all; `outcome` says what came of it. */
export function noDocument(flags: FileFlags, outcome?: string): NsctlError {
  const names = (flags.filename ?? []).map((name) => (name === '-' ? 'standard input' : name))
  const next = 'manifests are YAML or JSON documents with apiVersion, kind and metadata.name'
  return new NsctlError('Invalid', `there is no document in ${names.join(', ')}`, {
    next: outcome === undefined ? next : `${outcome}: ${next}`,
  })
}

/** The objects that manifests name, whether they are stored or not. Words beside -f are a Usage error. */
export async function targetsOfFiles(
  flags: FileFlags,
  words: readonly string[],
  source: KindSource,
  verb: string,
  context: CommandContext,
): Promise<readonly Target[]> {
  if (words.length > 0) throw usage('-f and a type cannot be combined', verb, words.join(' '))
  const { manifests, failed } = await loadFiles(flags, verb, context)
  if (failed.length > 0) throw combineFaults(failed, `nsctl ${verb} did nothing`)
  const isKnown = ({ object }: (typeof manifests)[number]) =>
    source.kinds.byApiVersion(object.apiVersion, object.kind) !== undefined
  if (!manifests.every(isKnown)) await source.refreshKinds()
  return manifests.map(({ object, source: file }) => {
    const kind = source.kinds.byApiVersion(object.apiVersion, object.kind)
    const { name, namespace } = object.metadata
    if (kind !== undefined) return { kind, name, namespace }
    throw new NsctlError('Invalid', `${file}: there is no kind ${JSON.stringify(object.kind)}`, {
      value: object.kind,
      next: 'nsctl api-resources lists what there is',
    })
  })
}

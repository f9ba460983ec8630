/** Manifests from where -f points, ready for the api: read, parsed, and with the folders that programs start in. */
import { dirname, isAbsolute, posix, resolve } from 'node:path'
import type { Manifest } from '../api/api.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import { parseManifests } from '../resources/manifest.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { gitPlaceOf } from './git.ts'
import { readSources, type Source, type SourceOptions } from './sources.ts'

export interface LoadedManifests {
  readonly manifests: readonly Manifest[]
  /** Sources that could not be parsed; the others were. */
  readonly failed: readonly NsctlError[]
  /** Where they come from, for the records: `git 3f9c2e1 (shop/web.yaml)`, `file web.yaml`, `stdin`. */
  readonly from: string
}

/**
 * Reads and parses all that `options` names. What cannot be read throws; what cannot be parsed is in `failed`, so that all
 * faults of all files can be shown at once.
 */
export async function loadManifests(options: SourceOptions): Promise<LoadedManifests> {
  const sources = await readSources(options)
  const manifests: Manifest[] = []
  const failed: NsctlError[] = []
  for (const source of sources) {
    try {
      const parsed = await parseManifests(source.bytes, { source: source.name })
      const folder = source.file === undefined ? undefined : dirname(source.file)
      for (const manifest of parsed) manifests.push(withWorkingDirs(manifest, folder))
    } catch (error) {
      if (!isNsctlError(error)) throw error
      failed.push(error)
    }
  }
  return { manifests, failed, from: originOf(sources) }
}

/** One error of several, with all that each had to say. */
export function combineFaults(errors: readonly NsctlError[], outcome: string): NsctlError {
  const [first] = errors
  if (first === undefined) throw new RangeError('no error to combine')
  const nexts = new Set(errors.flatMap((error) => error.next ?? []))
  const advice =
    nexts.size === 1 ? [...nexts].map((next) => (/^[a-z]/.test(next) ? `\n${next}` : `. ${next}`)) : []
  const issues = errors.flatMap((error) => (error.issues.length > 0 ? error.issues : [error.message]))
  return new NsctlError(first.code, errors.length === 1 ? first.message : `${issues.length} faults`, {
    issues,
    value: first.value,
    next: [outcome, ...advice].join(''),
    cause: first,
  })
}

/**
 * A Service's programs start in the manifest's folder unless it says otherwise, and a relative `workingDir` counts from there.
 * Where there is no folder (standard input, a URL) a relative one is Invalid and an absent one stays absent. In a container there is no such
 * folder: what is said there is said of its root.
 */
function withWorkingDirs(manifest: Manifest, folder: string | undefined): Manifest {
  const { object } = manifest
  if (object.kind !== 'Service' || !String(object.apiVersion).startsWith(`${GROUP}/`)) return manifest
  const template = object.spec?.template
  if (!isObject(template) || template.runtime === 'nspawn') return manifest
  const { programs } = template
  if (programs === undefined && isSettled(template.source)) return manifest
  const settle = (from: unknown, path: readonly (string | number)[]) =>
    settleSource(from, path, manifest, folder)
  const changed: Record<string, unknown> = {}
  const own = settle(template.source, ['spec', 'template', 'source'])
  if (own !== template.source) changed.source = own
  if (Array.isArray(programs)) {
    const settled = programs.map((program: unknown, at) => {
      if (!isObject(program)) return program
      const source = settle(program.source, ['spec', 'template', 'programs', at, 'source'])
      return source === program.source ? program : { ...program, source }
    })
    if (settled.some((program, at) => program !== programs[at])) changed.programs = settled
  }
  if (Object.keys(changed).length === 0) return manifest
  const spec = { ...object.spec, template: { ...template, ...changed } }
  return { ...manifest, object: { ...object, spec } as AnyResource }
}

/** True where there is nothing to do, as in most of what programs write. */
function isSettled(source: unknown): boolean {
  return isObject(source) && typeof source.workingDir === 'string' && source.workingDir.startsWith('/')
}

function settleSource(
  from: unknown,
  path: readonly (string | number)[],
  manifest: Manifest,
  folder: string | undefined,
): unknown {
  if (!isObject(from)) return from
  const given = from.workingDir
  if (given === undefined || given === null)
    return folder === undefined ? from : { ...from, workingDir: folder }
  // what is no text is refused by the schema, in its own words
  if (typeof given !== 'string' || given === '' || isAbsolute(given)) return from
  if (folder === undefined) throw relativeWithoutFolder(manifest, [...path, 'workingDir'], given)
  return { ...from, workingDir: resolve(folder, given) }
}

function relativeWithoutFolder(
  manifest: Manifest,
  path: readonly (string | number)[],
  given: string,
): NsctlError {
  const place = manifest.locate?.(path, false)
  const where = place === undefined ? manifest.source : `${manifest.source}:${place.line}:${place.column}`
  const message = `${where}: workingDir ${JSON.stringify(given)} is relative, and ${manifest.source} has no folder`
  return new NsctlError('Invalid', message, {
    value: given,
    next: 'write an absolute path, or apply a file',
    ...(place === undefined ? {} : { issues: [`${message}\n${place.excerpt}`] }),
  })
}

/** One line for where all of them come from: the file or the folder that they share, at its commit if it has one. */
function originOf(sources: readonly Source[]): string {
  const files = sources.flatMap((source) => source.file ?? [])
  if (files.length === 0 || files.length < sources.length)
    return [...new Set(sources.map((one) => one.name))].join(', ')
  const places = files.map(gitPlaceOf)
  const [first] = places
  if (first !== undefined && places.every((place) => place?.commit === first.commit))
    return `git ${first.commit} (${sharedPath(places.map((place) => place?.path ?? ''))})`
  return files.length === 1 ? `file ${sources[0]?.name}` : `files in ${sharedPath(files)}`
}

function sharedPath(paths: readonly string[]): string {
  const [first = ''] = paths
  if (paths.length === 1) return first
  let folder = posix.dirname(first)
  while (folder !== '.' && folder !== '/' && !paths.every((path) => path.startsWith(`${folder}/`)))
    folder = posix.dirname(folder)
  return folder === '/' ? '/' : `${folder}/`
}

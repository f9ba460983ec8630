/** What a unit says of its program's material: names and places, no values. Pure. */
import { posix } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { configVariable } from '../../resources/material-names.ts'
import { CREDENTIALS_VARIABLE, materialPlaces } from '../material-files.ts'
import type { MaterialFolder, MaterialShape, ProgramSpec } from '../runtime.ts'
import { cannotCarry, plainValue, quoteBindPath, quoteWord } from './escape.ts'
import { isProtected } from './hardening.ts'
import type { Layout } from './layout.ts'
import { templateStem } from './names.ts'

export type MaterialLayout = Pick<Layout, 'scope' | 'materialDir' | 'linkDir' | 'givenDir'>

/** systemd takes these as the names of credentials without any quoting. */
const CREDENTIAL_NAME = /^[-._a-zA-Z0-9]+$/
/** Binding over one of these would hide what every program needs. */
const TAKEN =
  /^\/(?:bin|boot|dev|etc|home|lib|lib64|nix|nix\/store|proc|root|run|sbin|srv|sys|tmp|usr|var|var\/lib)?$/

/** Folders of links in which credentials appear under paths that the service chose, each with what it is called there. */
export interface LinkFolder {
  /** Where the program sees it. */
  readonly path: string
  /** What it is called below the template's links. */
  readonly name: string
  /** File → credential. */
  readonly links: Readonly<Record<string, string>>
}

/** @throws Invalid for a path that cannot be one */
export function linkFolders(paths: MaterialShape['paths']): readonly LinkFolder[] {
  const folders = new Map<string, Record<string, string>>()
  for (const [path, credential] of Object.entries(paths)) {
    if (!posix.isAbsolute(path) || posix.normalize(path) !== path || path.endsWith('/'))
      throw cannotCarry('path', path)
    const folder = posix.dirname(path)
    folders.set(folder, { ...folders.get(folder), [posix.basename(path)]: credential })
  }
  return [...folders].map(([path, links], index) => ({ path, name: String(index), links }))
}

/**
 * The group by which a service reads live credentials. A number of its own would be better, but systemd takes none that has no entry
 * in the machine's list of groups, and this one has: nobody's. What keeps other services away is that the files are bound into one
 * unit's view and lie, outside of it, below a folder that only root can enter; and by the group they need not be readable to
 * everybody, which programs with private keys refuse.
 */
export const LIVE_GROUP = 65_534

/** Where the credentials of a unit with links, or with live ones, are bound: one place, since each unit has its own view. */
export function givenCredentials({ givenDir }: Pick<Layout, 'givenDir'>): string {
  return `${givenDir}/credentials`
}

/** The lines of [Service] for a program's material. @throws Invalid for names and paths that no unit can carry */
export function materialLines(spec: ProgramSpec, layout: MaterialLayout): readonly string[] {
  const { material: shape, id, relax } = spec
  if (shape === undefined) return []
  refuseNames(shape)
  const own = materialPlaces(`${plainValue(layout.materialDir)}/${templateStem(id)}/%i`)
  return [
    ...credentialLines(shape, own.credentials, layout),
    ...(isLive(shape) && isProtected('DynamicUser', { scope: layout.scope, relax })
      ? [`SupplementaryGroups=${LIVE_GROUP}`]
      : []),
    ...(shape.environment ? [`EnvironmentFile=${own.environment}`] : []),
    ...folderLines(shape, own.folders, layout),
    ...linkLines(spec, shape, layout),
    ...(isSecret(shape) && !relax.includes('all') && !relax.includes('LimitCORE') ? NO_CORE_DUMPS : []),
  ]
}

/** A dump holds all that the program has read. Where a dump goes to a program, that one may not heed the limit, so it gets nothing. */
const NO_CORE_DUMPS = ['LimitCORE=0', 'CoredumpFilter=0x0']

function isSecret(shape: MaterialShape): boolean {
  return shape.credentials.length > 0 || shape.environment
}

function isLive(shape: MaterialShape): boolean {
  return shape.live && shape.credentials.length > 0
}

function credentialLines(shape: MaterialShape, from: string, layout: MaterialLayout): readonly string[] {
  if (shape.credentials.length === 0) return []
  if (!shape.live) return shape.credentials.map((name) => `LoadCredential=${name}:${from}/${name}`)
  const variable = (value: string) => `Environment="${CREDENTIALS_VARIABLE}=${value}"`
  if (layout.scope === 'user') return [variable(from)]
  return [`BindReadOnlyPaths=${from}:${givenCredentials(layout)}`, variable(givenCredentials(layout))]
}

function folderLines(shape: MaterialShape, from: string, layout: MaterialLayout): readonly string[] {
  return shape.folders.flatMap((folder) => {
    const { name } = folder
    const variable = configVariable(name)
    if (layout.scope === 'user') return [`Environment="${variable}=${from}/${name}"`]
    const to = configTarget(folder, layout)
    // one that is optional may not be there
    return [
      `BindReadOnlyPaths=-${from}/${name}:${quoteBindPath(to)}`,
      `Environment=${quoteWord(`${variable}=${to}`)}`,
    ]
  })
}

function linkLines(spec: ProgramSpec, shape: MaterialShape, layout: MaterialLayout): readonly string[] {
  if (Object.keys(shape.paths).length === 0 || layout.scope === 'user') return []
  const links = `${plainValue(layout.linkDir)}/${templateStem(spec.id)}`
  return [
    ...(shape.live ? [] : [`BindReadOnlyPaths=%d:${givenCredentials(layout)}`]),
    ...linkTargets(shape).map(
      ({ path, name }) => `BindReadOnlyPaths=${links}/${name}:${quoteBindPath(path)}`,
    ),
  ]
}

/** @throws Invalid for a name that no unit can carry, and for two folders with one variable */
export function refuseNames(shape: MaterialShape): void {
  for (const name of shape.credentials)
    if (!CREDENTIAL_NAME.test(name)) throw cannotCarry('name of a credential', name)
  const seen = new Set<string>()
  for (const { name } of shape.folders) {
    if (!CREDENTIAL_NAME.test(name)) throw cannotCarry('name of a folder', name)
    const variable = configVariable(name)
    if (seen.has(variable))
      throw new NsctlError('Invalid', `two folders would both be $${variable}`, { value: name })
    seen.add(variable)
  }
}

/** Where the program sees a folder. @throws Invalid for a place that must not be hidden */
export function configTarget({ name, path }: MaterialFolder, { givenDir }: Pick<Layout, 'givenDir'>): string {
  return path === undefined ? `${givenDir}/configs/${name}` : bindTarget(path)
}

/** `linkFolders`, each where it can be shown. @throws Invalid for a place that must not be hidden, or that a folder has */
export function linkTargets(shape: MaterialShape): readonly LinkFolder[] {
  const taken = new Set(shape.folders.map(({ path }) => path))
  return linkFolders(shape.paths).map((folder) => {
    if (taken.has(folder.path))
      throw cannotCarry('folder, which a Config and a Secret would share', folder.path)
    return { ...folder, path: bindTarget(folder.path) }
  })
}

function bindTarget(path: string): string {
  const to = posix.normalize(path).replace(/(.)\/$/, '$1')
  if (!TAKEN.test(to)) return to
  throw new NsctlError('Invalid', `files cannot be shown in ${to}: that would hide what else is there`, {
    value: path,
    next: `choose a folder of its own, like ${to === '/' ? '' : to}/nsctl`,
  })
}

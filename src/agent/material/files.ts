/** The files that a template takes out of Configs and Secrets: they are the same for all its programs. Pure. */
import { posix } from 'node:path'
import type { ServiceFileRef, ServiceTemplate } from '../../resources/generated/types.ts'
import type { MaterialFolder } from '../../runtimes/runtime.ts'
import { contentsFor, type Gathering, keyMissing, type MaterialName, sourceText } from './gathering.ts'

export interface Files {
  /** Folder → file → content. */
  readonly folders: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
  readonly folderShapes: readonly MaterialFolder[]
  /** In the order of their names. */
  readonly credentials: ReadonlyMap<string, Uint8Array>
  /** Path → credential, in the order of the paths. */
  readonly paths: Readonly<Record<string, string>>
  readonly live: boolean
}

/** The longest name of a file, and of a credential. */
const NAME_LIMIT = 255
const FILE_NAME = /^[-._a-zA-Z0-9]+$/

export function filesOf(template: ServiceTemplate, gathering: Gathering): Files {
  const { configs = [], secrets = [] } = template
  const folders = new Map(
    configs.map((ref) => {
      const files = filesIn('Config', ref, gathering).map(({ file, content }) => [file, content] as const)
      return [ref.name, new Map(files)] as const
    }),
  )
  const credentials = new Map<string, Uint8Array>()
  const paths = new Map<string, string>()
  for (const ref of secrets) addCredentials(ref, credentials, paths, gathering)
  return {
    folders,
    folderShapes: configs.map(({ name, path }) => ({ name, ...(path === undefined ? {} : { path }) })),
    credentials: new Map(sorted(credentials)),
    paths: Object.fromEntries(sorted(paths)),
    live: secrets.some((one) => one.onChange !== 'restart'),
  }
}

function addCredentials(
  ref: ServiceFileRef,
  credentials: Map<string, Uint8Array>,
  paths: Map<string, string>,
  gathering: Gathering,
): void {
  const refuse = (message: string) => refuseFile({ kind: 'Secret', name: ref.name }, message, gathering)
  for (const { file, isNamed, content } of filesIn('Secret', ref, gathering)) {
    const name = isNamed ? file : `${ref.name}.${file}`
    const path = ref.path === undefined ? undefined : posix.join(ref.path, file)
    if (name.length > NAME_LIMIT) {
      refuse(`${name} is too long for the name of a file; give it another with items[].as`)
    } else if (credentials.has(name)) {
      refuse(`another file is called ${name} already; give one of them another name with items[].as`)
    } else if (path !== undefined && paths.has(path)) {
      refuse(`another file lies at ${path} already`)
    } else {
      credentials.set(name, content)
      if (path !== undefined) paths.set(path, name)
    }
  }
}

interface NamedFile {
  readonly file: string
  /** By `items[].as`. */
  readonly isNamed: boolean
  readonly content: Uint8Array
}

/** All keys, or those that are named. */
function filesIn(
  kind: MaterialName['kind'],
  ref: ServiceFileRef,
  gathering: Gathering,
): readonly NamedFile[] {
  const source = { kind, name: ref.name }
  const contents = contentsFor(source, ref.optional, gathering)
  if (contents === undefined) return []
  const items: NonNullable<ServiceFileRef['items']> =
    ref.items ?? [...contents.keys()].map((key) => ({ key }))
  return items.flatMap(({ key, as }) => {
    const file = as ?? key
    const content = contents.get(key)
    if (content === undefined) {
      if (!ref.optional) gathering.faults.push(keyMissing(source, key, `the file ${file}`))
    } else if (isFileName(file)) {
      return [{ file, isNamed: as !== undefined, content }]
    } else {
      const said = JSON.stringify(file)
      refuseFile(source, `${said} cannot be the name of a file; give it another with items[].as`, gathering)
    }
    return []
  })
}

/** Nothing that leads out of the folder, whatever the store holds. */
function isFileName(name: string): boolean {
  return FILE_NAME.test(name) && name !== '.' && name !== '..' && name.length <= NAME_LIMIT
}

function refuseFile(source: MaterialName, message: string, gathering: Gathering): void {
  const about = sourceText(source)
  gathering.faults.push({ phase: 'Failed', reason: 'FileRefused', message: `${about}: ${message}` })
}

function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

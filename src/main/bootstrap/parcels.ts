/** What a machine needs to run nsctl, as it is here: the built program, and the Node that runs it. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { VERSION } from '../../main.ts'
import type { ArchiveEntry } from './archive.ts'

/** A folder to be there, under a name that says what is in it: where one of that name is, nothing has to be sent. */
export interface Parcel {
  /** `nsctl-0.1.0-3f9a0c1d2e4b` */
  readonly name: string
  readonly entries: readonly ArchiveEntry[]
  /** The program in it that has to run there, with `--version`, before it counts as arrived. */
  readonly program: string
}

/** How a Node is found on the machine: in a parcel's folder beside, or where the machine has one. */
export type NodeThere = { readonly parcel: string } | { readonly path: string }

/** The Node that runs this. */
export async function nodeParcel(executable: string = process.execPath): Promise<Parcel> {
  const content = await readFile(executable)
  const entries: readonly ArchiveEntry[] = [{ kind: 'file', path: 'bin/node', mode: 0o755, content }]
  return { name: named(`node-${process.version.slice(1)}`, entries), entries, program: 'bin/node' }
}

/** @param root where nsctl is installed here. @throws NsctlError Failed where it is not built */
export async function nsctlParcel(node: NodeThere, root: string = ownRoot()): Promise<Parcel> {
  const built = await filesOf(root, 'dist')
  const entries: readonly ArchiveEntry[] = [
    await fileAt(root, 'bin/nsctl', 0o755),
    ...(await Promise.all(built.map((path) => fileAt(root, path, 0o644)))),
    {
      kind: 'link',
      path: 'node_modules/node/bin/node',
      to: 'path' in node ? node.path : `../../../../${node.parcel}/bin/node`,
    },
  ]
  return { name: named(`nsctl-${VERSION}`, entries), entries, program: 'bin/nsctl' }
}

/** Of `dist/nsctl.cjs`, which this process was started from. */
function ownRoot(): string {
  return resolve(dirname(process.argv[1] ?? ''), '..')
}

async function filesOf(root: string, folder: string): Promise<readonly string[]> {
  const names = await readdir(join(root, folder)).catch((cause: unknown) => {
    throw new NsctlError('Failed', `there is no built nsctl to send in ${root}: ${messageOf(cause)}`, {
      value: root,
      next: 'run it from where it is built (npm run build) or installed',
      cause,
    })
  })
  // what a build that goes on has not put in place yet begins with a point
  return names
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => `${folder}/${name}`)
}

async function fileAt(root: string, path: string, mode: number): Promise<ArchiveEntry> {
  return { kind: 'file', path, mode, content: await readFile(join(root, path)) }
}

function named(stem: string, entries: readonly ArchiveEntry[]): string {
  const hash = createHash('sha256')
  for (const entry of entries)
    if (entry.kind === 'link') hash.update(`${entry.path} -> ${entry.to}\n`)
    else hash.update(`${entry.path} ${entry.mode} ${entry.content.length}\n`).update(entry.content)
  return `${stem}-${hash.digest('hex').slice(0, 12)}`
}

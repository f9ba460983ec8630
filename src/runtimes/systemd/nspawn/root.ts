/** What a container has for its root: a directory of the machine, or an empty one in which some of the machine's appear. Looks at the file system. */
import { existsSync, lstatSync, mkdirSync, readlinkSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { NsctlError } from '../../../core/errors.ts'
import { localDisk } from '../../disk.ts'
import type { ProgramContainer } from '../../runtime.ts'

/** A container's root, made ready to be run in. */
export interface ContainerRoot {
  /** Never written to: what is changed goes to memory and is gone with the container. */
  readonly directory: string
  /** Of the machine, shown at their own places, read-only. */
  readonly shown: readonly string[]
  /** The sh inside. */
  readonly shell: string
}

/** What a program sees of the machine where neither a root nor a closure is said: programs and libraries, and what those look up in /etc. */
const MACHINE = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/nix/store',
  '/etc/alternatives',
  '/etc/ca-certificates',
  '/etc/ld.so.cache',
  '/etc/pki',
  '/etc/ssl',
]
/** Links at the top of the machine, in a merged /usr; the skeleton has the same. */
const TOP = ['bin', 'sbin', 'lib', 'lib64']
const FOLDERS = ['usr', 'etc', 'var', 'tmp', 'run', 'proc', 'sys', 'dev', 'root']
/** Names for the two users that there are inside. */
const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
}

/** @throws Invalid, naming the path that will not do */
export function rootOf({ root, closure }: ProgramContainer, skeletonDir: string): ContainerRoot {
  if (root !== undefined) {
    if (!isFolder(root)) throw refuse(`the root ${root} is not a directory`, root)
    const shell = ['bin/sh', 'usr/bin/sh'].find((path) => isThere(join(root, path)))
    if (shell === undefined || !isThere(join(root, 'usr')))
      throw refuse(`the root ${root} has no ${shell === undefined ? '/bin/sh' : '/usr'}`, root)
    return { directory: root, shown: [], shell: `/${shell}` }
  }
  const shown = (closure ?? MACHINE.filter(existsSync)).filter((path) => !isMerged(path))
  const missing = shown.find((path) => !existsSync(path))
  if (missing !== undefined) throw refuse(`${missing}, of the closure, is not there`, missing)
  const shell = shellOf(shown)
  if (shell === undefined) {
    const paths = shown.join(', ')
    throw refuse(`nothing in the closure (${paths}) has bin/sh, which starts the program`, paths)
  }
  return { directory: skeletonDir, shown, shell }
}

function shellOf(shown: readonly string[]): string | undefined {
  const isShown = (path: string) => shown.some((one) => path === one || path.startsWith(`${one}/`))
  const places = ['/bin', '/usr/bin', ...shown.map((path) => join(path, 'bin'))]
  return places
    .filter((place) => isShown(place) || (isMerged(place) && isShown(`/usr${place}`)))
    .map((place) => join(place, 'sh'))
    .find(isThere)
}

/** A link into /usr at the top of the machine: the skeleton has it too. */
function isMerged(path: string): boolean {
  return TOP.includes(path.slice(1)) && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}

/** Puts the empty root in place. */
export function installSkeleton(dir: string): void {
  for (const folder of FOLDERS) mkdirSync(join(dir, folder), { recursive: true, mode: 0o755 })
  for (const name of TOP)
    if (isMerged(`/${name}`) && !isThere(join(dir, name)))
      symlinkSync(readlinkSync(`/${name}`), join(dir, name))
  for (const [path, text] of Object.entries(FILES))
    if (!existsSync(join(dir, path))) localDisk.write(join(dir, path), text, { mode: 0o644 })
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** Itself, and be it a link that leads nowhere outside its root. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function refuse(message: string, value: string): NsctlError {
  return new NsctlError('Invalid', message, {
    value,
    next: 'see "Programs in their own root" in docs/operations.md',
  })
}

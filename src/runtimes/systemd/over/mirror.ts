/**
 * Another machine's files as a `Disk`: looked at once, and known from then on, since nobody else writes them. Changes are made there in the order in which
 * they were said, and all of one moment in one exchange. Once one has failed nothing is known any more: it is to be opened anew.
 */
import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { messageOf, NsctlError } from '../../../core/errors.ts'
import { type EntryWithContent, readTar } from '../../../core/tar/read.ts'
import type { Transport } from '../../../transport/transport.ts'
import type { Access, Disk, FileInfo } from '../../disk.ts'
import * as lines from './operations.ts'

export interface MirrorOptions {
  readonly transport: Pick<Transport, 'run' | 'name'>
  /** What is looked at: absolute; a `*` at the end stands for any end of a name. */
  readonly roots: readonly string[]
  /** Of what is below it only a digest is kept here. */
  readonly secretDir: string
  /** Whether what the runtime writes below /run stays in memory. */
  readonly inMemory: boolean
  readonly uid: number
  /** Called once, when a change could not be made. */
  readonly onBroken: (error: NsctlError) => void
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** `$@` the roots: without the first slash. A file that changes meanwhile, or goes, is none of ours. */
const LOOK = `
cd / || exit 1
wanted=$*
set --
for one in $wanted; do [ ! -e "$one" ] && [ ! -L "$one" ] || set -- "$@" "$one"; done
[ $# -gt 0 ] || exec head -c 1024 /dev/zero
tar -cf - -- "$@" 2>/dev/null
[ $? -le 1 ] || exit 1
`

type Entry =
  | { readonly kind: 'folder'; mode: number; uid: number; gid: number }
  | {
      readonly kind: 'file'
      mode: number
      uid: number
      gid: number
      readonly sizeBytes: number
      readonly content: Buffer | undefined
      readonly digest: string
    }
  | { readonly kind: 'link'; readonly target: string }

/** @throws Failed for a machine without tar or sh; Unreachable */
export async function openMirror(options: MirrorOptions): Promise<Disk> {
  const { transport, roots, signal } = options
  const words = roots.map((root) => root.slice(1))
  const looked = await transport.run({ argv: ['/bin/sh', '-c', LOOK, 'look', ...words] }, { signal })
  if (looked.exitCode !== 0)
    throw new NsctlError('Failed', `${transport.name} does not tell which files it has: tar failed`, {
      value: looked.stderr.toString().slice(-200),
      next: 'see that tar is there',
    })
  const disk = new MirroredDisk(options)
  for await (const entry of readTar(Readable.from([looked.stdout], { objectMode: false })))
    await disk.add(entry)
  return disk
}

class MirroredDisk implements Disk {
  readonly uid: number
  readonly #options: MirrorOptions
  readonly #entries = new Map<string, Entry>()
  readonly #children = new Map<string, Set<string>>()
  #changes: string[] = []
  #making: Promise<void> = Promise.resolve()
  #isMaking = false
  #broken: NsctlError | undefined

  constructor(options: MirrorOptions) {
    this.uid = options.uid
    this.#options = options
  }

  /** What is there before anything is changed. */
  async add({ path, type, mode, uid, gid, content, target }: EntryWithContent): Promise<void> {
    const at = `/${path.replace(/\/+$/, '')}`
    if (type === 'folder') this.#put(at, { kind: 'folder', mode, uid, gid })
    else if (type === 'symlink') this.#put(at, { kind: 'link', target })
    else if (type === 'file') this.#put(at, this.#file(at, await buffer(content), { mode, uid, gid }))
  }

  read(path: string): Buffer | undefined {
    const entry = this.#entries.get(path)
    return entry?.kind === 'file' ? entry.content : undefined
  }

  holds(path: string, content: Uint8Array): boolean {
    const entry = this.#entries.get(path)
    return entry?.kind === 'file' && entry.sizeBytes === content.length && entry.digest === digestOf(content)
  }

  info(path: string): FileInfo | undefined {
    const entry = this.#entries.get(path)
    if (entry === undefined) return undefined
    if (entry.kind === 'link') return { isFolder: false, sizeBytes: 0, mode: 0o777, uid: this.uid, gid: 0 }
    const { mode, uid, gid } = entry
    return {
      isFolder: entry.kind === 'folder',
      sizeBytes: entry.kind === 'file' ? entry.sizeBytes : 0,
      mode,
      uid,
      gid,
    }
  }

  names(folder: string): readonly string[] {
    return [...(this.#children.get(folder) ?? [])]
  }

  write(path: string, content: string | Uint8Array, access: Access): void {
    const bytes = Buffer.from(content as string)
    this.#change(lines.writeLine(path, bytes, access))
    this.#put(path, this.#file(path, bytes, { mode: access.mode, uid: this.uid, gid: access.gid ?? 0 }))
  }

  makeFolder(path: string, mode: number): void {
    if (path === '/' || this.#entries.get(path)?.kind === 'folder') return
    this.makeFolder(dirname(path), mode)
    this.#change(lines.folderLine(path, mode))
    this.#put(path, { kind: 'folder', mode, uid: this.uid, gid: 0 })
  }

  setAccess(path: string, { mode, gid }: Omit<Access, 'part'>): void {
    const entry = this.#entries.get(path)
    if (entry === undefined || entry.kind === 'link') return
    if (entry.mode === mode && (gid === undefined || entry.gid === gid)) return
    this.#change(lines.accessLine(path, { mode, ...(gid === undefined ? {} : { gid }) }))
    Object.assign(entry, { mode, ...(gid === undefined ? {} : { gid }) })
  }

  remove(path: string): void {
    if (!this.#entries.has(path)) return
    this.#change(lines.removeLine(path))
    this.#drop(path)
  }

  removeEmpty(folder: string): void {
    if (!this.#entries.has(folder) || this.names(folder).length > 0) return
    this.#change(lines.removeEmptyLine(folder))
    this.#drop(folder)
  }

  link(target: string, path: string): void {
    const entry = this.#entries.get(path)
    if (entry?.kind === 'link' && entry.target === target) return
    this.#change(lines.linkLine(target, path))
    this.#put(path, { kind: 'link', target })
  }

  touch(folder: string): void {
    this.#change(lines.touchLine(folder))
  }

  isInMemory(): boolean {
    return this.#options.inMemory
  }

  settled(): Promise<void> | undefined {
    if (this.#broken !== undefined) return Promise.reject(this.#broken)
    return this.#changes.length === 0 && !this.#isMaking ? undefined : this.#make()
  }

  #change(line: string): void {
    // soon, also where nobody waits for it; together with all that is said until then
    if (this.#changes.push(line) === 1) setImmediate(() => this.#make().catch(() => {}))
  }

  #make(): Promise<void> {
    this.#making = this.#making.catch(() => {}).then(() => this.#send())
    return this.#making
  }

  async #send(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    const changes = this.#changes
    this.#changes = []
    if (changes.length === 0) return
    const { transport, signal } = this.#options
    this.#isMaking = true
    try {
      const argv = ['/bin/sh', '-c', `umask 077\n${lines.MAKE_CHANGES}`, 'files'] as const
      const { exitCode, stderr } = await transport.run({ argv }, { signal, stdin: changes.join('') })
      if (exitCode !== 0) throw new NsctlError('Failed', `${transport.name}: ${stderr.toString().trim()}`)
    } catch (error) {
      this.#breaks(error)
    } finally {
      this.#isMaking = false
    }
  }

  #breaks(cause: unknown): never {
    const message = `files of ${this.#options.transport.name} cannot be written: ${messageOf(cause)}`
    this.#broken = new NsctlError('Unreachable', message, { cause })
    this.#options.onBroken(this.#broken)
    throw this.#broken
  }

  #file(path: string, content: Buffer, access: { mode: number; uid: number; gid: number }): Entry {
    const isSecret = path.startsWith(`${this.#options.secretDir}/`)
    const kept = isSecret ? undefined : Buffer.from(content)
    return { kind: 'file', ...access, sizeBytes: content.length, content: kept, digest: digestOf(content) }
  }

  #put(path: string, entry: Entry): void {
    this.#entries.set(path, entry)
    for (let at = path; at !== '/'; at = dirname(at)) {
      const folder = dirname(at)
      const names = this.#children.get(folder) ?? new Set()
      this.#children.set(folder, names)
      if (names.has(basename(at))) return
      names.add(basename(at))
    }
  }

  #drop(path: string): void {
    for (const name of this.names(path)) this.#drop(`${path}/${name}`)
    this.#children.delete(path)
    this.#entries.delete(path)
    this.#children.get(dirname(path))?.delete(basename(path))
  }
}

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64')
}

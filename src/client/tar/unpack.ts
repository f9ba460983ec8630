/**
 * Makes files of a tar archive that may be hostile. Nothing is written but beneath a new folder of our own, no entry is reached through
 * a link of the archive's, and what is put in place is put there whole.
 */
import { constants } from 'node:fs'
import { chmod, link, mkdir, mkdtemp, open, rename, rm, stat, symlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import type { Entry } from '../../core/tar/header.ts'
import { type EntryWithContent, readTar } from '../../core/tar/read.ts'

export interface UnpackOptions {
  /** Where what the archive holds is put: a file, or a folder that is not there yet. */
  readonly to: string
  /** Told of what is left out. */
  readonly note: (text: string) => void
}

/** Without setuid and its like: who makes an archive gives nobody rights here. */
const RIGHTS = 0o777

/**
 * The archive is of one file, or of a folder as `.`. Resolves to how many files there were.
 * @throws NsctlError Failed for an archive that is not whole or names what is outside of it; AlreadyExists
 */
export async function unpack(
  source: AsyncIterable<Uint8Array>,
  { to, note }: UnpackOptions,
): Promise<number> {
  const draft = await mkdtemp(join(dirname(to), '.nsctl-cp-'))
  try {
    const unpacking = new Unpacking(join(draft, 'content'), note)
    for await (const entry of readTar(source)) await unpacking.take(entry)
    const files = await unpacking.finish()
    const there = await stat(to).catch(() => undefined)
    if (there?.isDirectory() === true)
      throw new NsctlError('AlreadyExists', `${to} is a folder already`, {
        value: to,
        next: 'name one that is not there, or remove it',
      })
    await rename(join(draft, 'content'), to)
    return files
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

class Unpacking {
  readonly #root: string
  readonly #note: (text: string) => void
  /** Made here, as they are called in the archive; the root is the empty one. */
  readonly #folders = new Map<string, Entry>()
  readonly #files = new Map<string, Entry>()
  readonly #symlinks: { readonly path: string; readonly target: string }[] = []
  #isSingle = false

  constructor(root: string, note: (text: string) => void) {
    this.#root = root
    this.#note = note
  }

  async take(entry: EntryWithContent): Promise<void> {
    const path = pathOf(entry.path)
    if (this.#isSingle) throw outside(entry.path)
    if (this.#folders.size === 0 && path !== '') {
      if (entry.type !== 'file') throw outside(entry.path)
      this.#isSingle = true
      return await this.#file('', entry)
    }
    switch (entry.type) {
      case 'folder':
        return await this.#folder(path, entry)
      case 'file':
        return await this.#file(this.#within(path), entry)
      case 'symlink':
        return this.#symlink(this.#within(path), entry.target)
      case 'link':
        return await this.#link(this.#within(path), entry.target)
      case 'other':
        this.#note(`left out: ${JSON.stringify(entry.path)} is neither a file, nor a folder, nor a link`)
    }
  }

  /** Last of all, so that nothing was ever reached through them. Modes come last, too: a folder may be one that nobody writes to. */
  async finish(): Promise<number> {
    if (this.#files.size === 0 && this.#folders.size === 0) throw outside('nothing')
    for (const { path, target } of this.#symlinks) await symlink(target, join(this.#root, path))
    const deepest = [...this.#folders].sort(([a], [b]) => b.length - a.length)
    for (const [path, { mode, mtimeMs }] of deepest) {
      const place = join(this.#root, path)
      await utimes(place, mtimeMs / 1000, mtimeMs / 1000)
      await chmod(place, (mode & RIGHTS) | 0o700)
    }
    return this.#files.size
  }

  async #folder(path: string, entry: Entry): Promise<void> {
    if (!this.#folders.has(path))
      await mkdir(join(this.#root, path === '' ? '' : this.#within(path)), { mode: 0o700 })
    this.#folders.set(path, entry)
  }

  async #file(path: string, entry: EntryWithContent): Promise<void> {
    const place = join(this.#root, path)
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const file = await open(place, flags, 0o600)
    try {
      for await (const part of entry.content) await file.writeFile(part)
      await file.chmod(entry.mode & RIGHTS)
      await file.utimes(entry.mtimeMs / 1000, entry.mtimeMs / 1000)
      if (this.#isSingle) await file.sync()
    } finally {
      await file.close()
    }
    this.#files.set(path, entry)
  }

  #symlink(path: string, target: string): void {
    if (staysWithin(path, target)) this.#symlinks.push({ path, target })
    else
      this.#note(
        `left out: ${JSON.stringify(path)} is a link to ${JSON.stringify(target)}, outside of what is copied`,
      )
  }

  async #link(path: string, target: string): Promise<void> {
    const to = pathOf(target)
    if (!this.#files.has(to)) throw outside(target)
    await link(join(this.#root, to), join(this.#root, path))
  }

  /** @throws where it is not beneath a folder that was made here */
  #within(path: string): string {
    const folder = dirname(path)
    if (path === '' || !this.#folders.has(folder === '.' ? '' : folder)) throw outside(path)
    return path
  }
}

/** Upwards first, through folders that were made here, and then down: what goes up later may go up from wherever another link leads. */
function staysWithin(path: string, target: string): boolean {
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const down = parts.findIndex((part) => part !== '..')
  const [up, rest] = down === -1 ? [parts.length, []] : [down, parts.slice(down)]
  const depth = path.split('/').length - 1
  return !target.startsWith('/') && !target.includes('\0') && up <= depth && !rest.includes('..')
}

/** `./a/b/` → `a/b`, `.` → ``. @throws NsctlError Failed for what leads out of the archive */
function pathOf(text: string): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.')
  if (text.startsWith('/') || text === '' || parts.includes('..') || text.includes('\0')) throw outside(text)
  return parts.join('/')
}

function outside(path: string): NsctlError {
  return new NsctlError(
    'Failed',
    `what came names ${JSON.stringify(path)}, which is not of what was asked for`,
    {
      value: path,
      next: 'nothing was written; do not trust what runs in that instance',
    },
  )
}

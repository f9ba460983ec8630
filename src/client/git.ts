/** Which commit a manifest's folder is at, read off .git without running git. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export interface GitPlace {
  /** Seven characters. */
  readonly commit: string
  /** The file's path from the top of the work tree, `shop/web.yaml`. */
  readonly path: string
}

/** Where `file` stands in a git work tree; undefined outside of one or before the first commit. Never throws. */
export function gitPlaceOf(file: string): GitPlace | undefined {
  for (let folder = dirname(resolve(file)); ; folder = dirname(folder)) {
    const gitDir = gitDirOf(folder)
    if (gitDir !== undefined) {
      const commit = headOf(gitDir)
      return commit === undefined
        ? undefined
        : { commit: commit.slice(0, 7), path: relative(folder, resolve(file)) }
    }
    if (folder === dirname(folder)) return undefined
  }
}

/** `.git` is a folder, or a file that points to one (work trees, submodules). */
function gitDirOf(folder: string): string | undefined {
  const path = join(folder, '.git')
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory()) return path
  const pointer = stat?.isFile() ? /^gitdir: (.+)$/m.exec(read(path) ?? '')?.[1] : undefined
  return pointer === undefined ? undefined : resolve(folder, pointer)
}

function headOf(gitDir: string): string | undefined {
  const head = read(join(gitDir, 'HEAD'))?.trim()
  if (head === undefined) return undefined
  const ref = /^ref: (.+)$/.exec(head)?.[1]
  if (ref === undefined) return asCommit(head)
  const common = resolve(gitDir, read(join(gitDir, 'commondir'))?.trim() ?? '.')
  return asCommit(read(join(common, ref))?.trim()) ?? packedRef(join(common, 'packed-refs'), ref)
}

function packedRef(file: string, ref: string): string | undefined {
  const line = read(file)
    ?.split('\n')
    .find((one) => one.endsWith(` ${ref}`))
  return asCommit(line?.split(' ')[0])
}

function asCommit(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{40,64}$/.test(text) ? text : undefined
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

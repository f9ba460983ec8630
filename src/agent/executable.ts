/** Finds programs as a shell would. */
import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'

/**
 * The absolute path of `program`: with a slash in it relative to `workingDir`, without one the first executable file in `path`
 * (as $PATH). Undefined where there is none.
 */
export async function findExecutable(
  program: string,
  workingDir: string,
  path: string,
): Promise<string | undefined> {
  const candidates = program.includes('/')
    ? [resolve(workingDir, program)]
    : path
        .split(delimiter)
        .filter(isAbsolute)
        .map((folder) => join(folder, program))
  for (const candidate of candidates) if (await isExecutableFile(candidate)) return candidate
  return undefined
}

async function isExecutableFile(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    // not there, or not ours to run: either way not this one
    return false
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    // missing and unreadable come to the same: nothing can start there
    return false
  }
}

/** Looks at the file system. A hundred instances that start together ask the same: who asks meanwhile shares the answer. */
export class ProgramFinder {
  readonly #asked = new Map<string, Promise<unknown>>()

  /** See `findExecutable`. */
  find(program: string, workingDir: string, path: string): Promise<string | undefined> {
    const key = JSON.stringify([program, workingDir, path])
    return this.#share(key, () => findExecutable(program, workingDir, path))
  }

  isFolder(path: string): Promise<boolean> {
    return this.#share(path, () => isFolder(path))
  }

  #share<T>(key: string, look: () => Promise<T>): Promise<T> {
    const asked = this.#asked.get(key)
    if (asked !== undefined) return asked as Promise<T>
    const answer = look().finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }
}

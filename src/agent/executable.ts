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

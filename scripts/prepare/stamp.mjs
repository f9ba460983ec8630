/** Tells whether dist/ was built from the sources as they are. Plain JavaScript: it runs before anything is installed. */
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const SOURCES = ['src', 'scripts/build', 'scripts/build.ts', 'package.json', 'package-lock.json']

/** A digest of path, size and time of everything that a build reads. */
export function sourceStamp(root) {
  const hash = createHash('sha256')
  for (const source of SOURCES) addTo(hash, root, source)
  return hash.digest('hex')
}

function addTo(hash, root, path) {
  const stat = statSync(join(root, path))
  if (!stat.isDirectory()) {
    hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`)
    return
  }
  for (const name of readdirSync(join(root, path)).sort()) addTo(hash, root, `${path}/${name}`)
}

/** Material whose state was removed without its runtime: nobody would ever come back for it, and it lies in memory until the next boot. */
import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isObject } from '../../core/json.ts'
import { namesIn } from '../material-files.ts'

/** No program's name: those have underscores. */
export const OWNER_FILE = 'owner'

/** Writes down whose material `root` is for. */
export function signOwner(root: string, state: string): void {
  const text = JSON.stringify({ state, view: mountNamespace() })
  writeFileSync(join(root, OWNER_FILE), text, { mode: 0o600 })
}

/** Removes what lies in `parent` for a state that is not there any more, as far as this process sees what its owner saw. */
export function removeOrphans(parent: string): void {
  for (const name of namesIn(parent)) {
    const root = join(parent, name)
    const owner = ownerOf(root)
    // in a container the same path may be another folder, or none
    if (owner === undefined || owner.view === '' || owner.view !== mountNamespace()) continue
    if (!existsSync(owner.state)) rmSync(root, { recursive: true, force: true })
  }
}

function ownerOf(root: string): { readonly state: string; readonly view: string } | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(root, OWNER_FILE), 'utf8'))
    if (isObject(owner) && typeof owner.state === 'string' && typeof owner.view === 'string')
      return { state: owner.state, view: owner.view }
  } catch {
    // not signed: it may be anybody's
  }
  return undefined
}

function mountNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/mnt')
  } catch {
    return ''
  }
}

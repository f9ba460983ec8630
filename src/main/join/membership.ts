/** What this machine keeps of having joined, in one file that only its user reads. */
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { randomIds } from '../../core/ids.ts'
import { isObject } from '../../core/json.ts'
import type { Membership } from '../../join/member.ts'
import { readJoinAnswer } from '../../join/token.ts'

/** Undefined where the machine has not joined. @throws NsctlError Invalid where what is there is not whole */
export async function readMembership(path: string): Promise<Membership | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new NsctlError('Invalid', `${path} cannot be read: ${messageOf(cause)}`, { value: path, cause })
  }
  const membership = parsed(text)
  if (membership !== undefined) return membership
  throw new NsctlError('Invalid', `${path} does not hold what a node needs`, {
    value: path,
    next: 'join again: nsctl agent --join-token-file FILE, with a token that names this node (nsctl node token create --name NODE)',
  })
}

function parsed(text: string): Membership | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value) || readJoinAnswer(value) === undefined) return undefined
    const { authority, key, token, addresses } = value
    const isWhole =
      [authority, key, token].every((one) => typeof one === 'string') && Array.isArray(addresses)
    return isWhole ? (value as unknown as Membership) : undefined
  } catch {
    return undefined
  }
}

/** Whole or not at all, also where the machine loses its power. */
export async function writeMembership(path: string, membership: Membership): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomIds.suffix(8)}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(membership, undefined, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await chmod(draft, 0o600)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

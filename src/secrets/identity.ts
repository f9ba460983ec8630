/** Identity files: where the secret halves of keys lie. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { identityOfSshKey } from './ssh.ts'
import { generateKey, type Identity, identityOfScalar, scalarOf } from './x25519.ts'

export type { Identity } from './x25519.ts'

/** Room for hundreds of keys. */
const MAX_FILE_BYTES = 64 * 1024
const OTHERS = 0o077

export async function newIdentity(): Promise<Identity> {
  return generateKey()
}

/** The content of an age identity file, as age-keygen writes it. */
export function identityText(identity: Identity): string {
  return `# public key: ${identity.recipient}\n${identity.reveal()}\n`
}

/**
 * The identities of an age identity file, or the one of an OpenSSH ed25519 private key without a passphrase.
 * @param source where it comes from, for errors, which never hold any of it
 * @throws NsctlError Invalid where it is neither, Unsupported where it is of a kind that nsctl cannot open with
 */
export async function parseIdentities(text: string, source: string): Promise<readonly Identity[]> {
  const trimmed = text.trim()
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(trimmed)) return [await identityOfSshKey(trimmed, source)]
  if (trimmed.startsWith('-----BEGIN AGE ENCRYPTED FILE-----'))
    throw new NsctlError('Unsupported', `${source} is protected by a passphrase`, {
      next: 'Open it once with age -d -o FILE, and name that file',
    })
  const identities = text.split('\n').flatMap((line, index) => {
    const content = line.trim()
    return content === '' || content.startsWith('#')
      ? []
      : [identityOfLine(content, `${source}:${index + 1}`)]
  })
  if (identities.length === 0)
    throw new NsctlError('Invalid', `${source} holds no identity`, { next: MAKE_ONE })
  return identities
}

const MAKE_ONE = 'Bring it back from where it is backed up, or make a new one with age-keygen'

function identityOfLine(line: string, at: string): Identity {
  const scalar = scalarOf(line)
  if (scalar !== undefined) return identityOfScalar(scalar)
  if (/^AGE-(PLUGIN|SECRET-KEY-PQ)-/.test(line))
    throw new NsctlError('Unsupported', `${at}: this identity is of a kind that nsctl cannot open with`, {
      next: 'Give an X25519 identity, as age-keygen makes them: AGE-SECRET-KEY-1 and 58 characters',
    })
  const what = line.startsWith('age1') ? 'this is a recipient, and no identity' : 'this is no identity'
  throw new NsctlError('Invalid', `${at}: ${what}`, {
    next: 'An identity is AGE-SECRET-KEY-1 and 58 characters; lines that begin with # are comments',
  })
}

/**
 * The identities of the file at `path`.
 * @throws NsctlError NotFound; Invalid where others than its owner may read it or it holds none; else as {@link parseIdentities}
 */
export async function readIdentities(path: string): Promise<readonly Identity[]> {
  return parseIdentities(await readPrivateFile(path), path)
}

async function readPrivateFile(path: string): Promise<string> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT')
      throw new NsctlError('NotFound', `there is no identity at ${path}`, { value: path, next: MAKE_ONE })
    throw ioFault(`the identity at ${path} cannot be read`, path, cause)
  })
  try {
    const info = await file.stat()
    const { mode, size } = info
    if (info.isDirectory())
      throw new NsctlError('Invalid', `${path} is a folder, and no identity`, {
        value: path,
        next: 'name the file that holds one: nsctl secret identity shows where it is looked for',
      })
    if ((mode & OTHERS) !== 0)
      throw new NsctlError('Invalid', `others than its owner may read or change the identity at ${path}`, {
        value: `0${(mode & 0o777).toString(8)}`,
        next: `chmod 600 ${path}; and if anybody did, make a new one and seal anew: nsctl secret rekey`,
      })
    if (size > MAX_FILE_BYTES)
      throw new NsctlError('Invalid', `${path} is too large for an identity`, { value: path })
    return await file.readFile('utf8')
  } catch (cause) {
    throw ioFault(`the identity at ${path} cannot be read`, path, cause)
  } finally {
    await file.close()
  }
}

/**
 * Makes an identity and writes it to `path`, readable for its owner alone, durably: after a crash the whole file is there or nothing is.
 * @throws NsctlError AlreadyExists where something is there
 */
export async function makeIdentityFile(path: string): Promise<Identity> {
  const identity = generateKey()
  await writeIdentityFile(path, identity)
  return identity
}

/** As {@link makeIdentityFile}, of one that is there already: an export. `give` gives the written file its name, where nothing has it. */
export async function writeIdentityFile(path: string, identity: Identity, give = link): Promise<void> {
  const folder = dirname(path)
  const draft = join(folder, `.identity-${randomBytes(8).toString('hex')}`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeDurably(draft, identityText(identity))
    await give(draft, path).catch((cause: NodeJS.ErrnoException) => copyWhereNoLinks(draft, path, cause))
    await unlink(draft)
    await syncFolder(folder)
  } catch (cause) {
    await unlink(draft).catch(() => undefined)
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new NsctlError('AlreadyExists', `there is something at ${path} already`, {
        value: path,
        next: 'nsctl never writes over an identity: what is sealed to it would be lost',
      })
    throw ioFault(`no identity can be written to ${path}`, path, cause)
  }
}

/** FAT, which many a stick has, knows no second name of a file, and says that it is not permitted. */
async function copyWhereNoLinks(draft: string, path: string, cause: NodeJS.ErrnoException): Promise<void> {
  if (cause.code === undefined || !NO_LINKS.includes(cause.code)) throw cause
  await copyFile(draft, path, constants.COPYFILE_EXCL)
  const copy = await open(path, 'r+')
  try {
    await copy.sync()
  } finally {
    await copy.close()
  }
}

const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** An error of the file system in our words; one that is ours already stays. */
function ioFault(what: string, path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException).code
  if (isNsctlError(cause) || code === undefined) return cause
  const why = code === 'EACCES' || code === 'EPERM' ? 'this user may not' : code
  return new NsctlError('Failed', `${what}: ${why}`, { value: path, cause })
}

/** The identity at `path`, the first of several; made where there is none. Of two processes at once, both get the same. */
export async function identityAt(path: string): Promise<Identity> {
  try {
    return firstOf(await readIdentities(path))
  } catch (error) {
    if (!isNsctlError(error, 'NotFound')) throw error
  }
  try {
    return await makeIdentityFile(path)
  } catch (error) {
    if (!isNsctlError(error, 'AlreadyExists')) throw error
    return firstOf(await readIdentities(path))
  }
}

function firstOf(identities: readonly Identity[]): Identity {
  return identities[0] as Identity
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

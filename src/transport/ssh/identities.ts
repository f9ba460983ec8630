/** Which keys a user logs in with, in the order in which they are offered. */
import { readFile, stat } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import ssh2, { type AgentKey, type ParsedKey } from 'ssh2'
import { messageOf, NsctlError } from '../../core/errors.ts'

export interface IdentitySettings {
  /** The one key to use: a private key, or the public half of one that the agent holds. */
  readonly file?: string
  /** Socket of an ssh-agent ($SSH_AUTH_SOCK). Without `file` all of its keys are offered. */
  readonly agentSocket?: string
  /** Private keys offered after the agent's where there is no `file`; those that are not there or have a passphrase are passed over. */
  readonly defaultFiles?: readonly string[]
}

/** One key, or all of an agent's. */
export type Identity =
  | { readonly kind: 'key'; readonly key: Buffer; readonly name: string }
  | { readonly kind: 'agent'; readonly agent: Agent; readonly name: string }

/**
 * At least one identity.
 * @throws NsctlError Denied where there is none that can be used; Invalid for a file that is no key
 */
export async function openIdentities(settings: IdentitySettings): Promise<readonly Identity[]> {
  const { file, agentSocket, defaultFiles = [] } = settings
  if (file !== undefined) return [await openNamed(file, agentSocket)]
  const agent: readonly Identity[] =
    agentSocket === undefined
      ? []
      : [{ kind: 'agent', agent: new Agent(agentSocket), name: `the agent at ${agentSocket}` }]
  const files = await Promise.all(defaultFiles.map(openDefault))
  const identities = [...agent, ...files.filter((identity) => identity !== undefined)]
  if (identities.length > 0) return identities
  throw new NsctlError(
    'Denied',
    'there is no key to log in with: no agent runs, and no key without a passphrase was found',
    {
      ...(defaultFiles.length === 0 ? {} : { value: defaultFiles.join(', ') }),
      next: 'start an agent and give it a key (eval $(ssh-agent); ssh-add), or name a private key',
    },
  )
}

async function openNamed(file: string, agentSocket: string | undefined): Promise<Identity> {
  const content = await readKey(file)
  const parsed = ssh2.utils.parseKey(content)
  if (!(parsed instanceof Error) && parsed.isPrivateKey()) {
    await assertPrivate(file)
    return { kind: 'key', key: content, name: file }
  }
  const publicKey = parsed instanceof Error ? publicHalfOf(content) : parsed.getPublicSSH()
  if (publicKey === undefined && !isEncrypted(parsed))
    throw new NsctlError('Invalid', `${file} is no key of ssh: ${messageOf(parsed)}`, {
      value: file,
      next: 'make one with ssh-keygen -t ed25519',
    })
  if (publicKey !== undefined && agentSocket !== undefined)
    return { kind: 'agent', agent: new Agent(agentSocket, publicKey), name: `${file}, by the agent` }
  throw new NsctlError(
    'Denied',
    parsed instanceof Error
      ? `${file} is protected by a passphrase`
      : `${file} is a public key, and no agent runs that may hold the other half`,
    {
      value: file,
      next: `give the key to an agent, which opens it for you: eval $(ssh-agent); ssh-add ${file.replace(/\.pub$/, '')}`,
    },
  )
}

async function openDefault(file: string): Promise<Identity | undefined> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  )
  if (!isThere) return undefined
  const content = await readKey(file)
  const parsed = ssh2.utils.parseKey(content)
  if (parsed instanceof Error || !parsed.isPrivateKey()) return undefined
  await assertPrivate(file)
  return { kind: 'key', key: content, name: file }
}

async function readKey(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new NsctlError('Denied', `the key ${file} cannot be read: ${messageOf(error)}`, {
      value: file,
      cause: error,
    })
  }
}

/** As OpenSSH does: a key that others can read is not one's own any more. */
async function assertPrivate(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o077) === 0) return
  throw new NsctlError(
    'Denied',
    `the private key ${file} can be read by others (mode ${(mode & 0o777).toString(8)})`,
    {
      value: file,
      next: `chmod 600 ${file}`,
    },
  )
}

function isEncrypted(parsed: ParsedKey | Error): boolean {
  return parsed instanceof Error && /encrypted/i.test(parsed.message)
}

const MAGIC = 'openssh-key-v1\0'

/** The public key that stands, readable, in an OpenSSH private key with a passphrase (PROTOCOL.key of OpenSSH). */
function publicHalfOf(content: Buffer): Buffer | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(
    content.toString('latin1'),
  )?.[1]
  if (body === undefined) return undefined
  const bytes = Buffer.from(body, 'base64')
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return undefined
  let at = MAGIC.length
  const skipText = () => {
    at += 4 + (at + 4 <= bytes.length ? bytes.readUInt32BE(at) : 0)
  }
  // the cipher, how its key is derived, with which options
  for (let index = 0; index < 3; index++) skipText()
  const count = at + 4
  if (count + 4 > bytes.length) return undefined
  const length = bytes.readUInt32BE(count)
  const key = bytes.subarray(count + 4, count + 4 + length)
  return key.length === length ? key : undefined
}

/** An agent whose connections can be closed: ssh2 leaves one that does not answer open for good. */
class Agent extends ssh2.OpenSSHAgent {
  readonly #streams = new Set<Duplex>()
  readonly #only: Buffer | undefined

  /** @param only the one key to use: others would count against the server's limit of attempts; all where left out */
  constructor(socketPath: string, only?: Buffer) {
    super(socketPath)
    this.#only = only
  }

  override getStream(callback: (error: Error | null, stream?: Duplex) => void): void {
    super.getStream((error, stream) => {
      if (stream !== undefined) {
        this.#streams.add(stream)
        stream.once('close', () => this.#streams.delete(stream))
      }
      callback(error, stream)
    })
  }

  override getIdentities(
    callback: (error: Error | null | undefined, keys?: readonly AgentKey[]) => void,
  ): void {
    const only = this.#only
    super.getIdentities((error, keys = []) => {
      if (error) callback(error)
      else callback(null, only === undefined ? keys : keys.filter((key) => publicOf(key).equals(only)))
    })
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy()
  }
}

function publicOf(key: AgentKey): Buffer {
  return Buffer.isBuffer(key) ? key : key.getPublicSSH()
}

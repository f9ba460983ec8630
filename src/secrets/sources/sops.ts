/**
 * Reads files that sops encrypted for age. Each value is `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]` under the file's data key, with its
 * path as additional data; the data key is an age file; a SHA-512 over all values in their order (the MAC) is encrypted the same way, with
 * the time of the last change as additional data.
 */
import { createDecipheriv, createHash, type Hash } from 'node:crypto'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { open } from '../age.ts'
import { checkKey } from '../value.ts'
import type { Identity } from '../x25519.ts'
import { parseSopsFile, type SopsMap, type SopsNode } from './sops-file.ts'

const CIPHER = 'aes-256-gcm'
const DATA_KEY_BYTES = 32
const ENCRYPTED =
  /^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:([a-z0-9]+)\]$/

/**
 * The values, by key. What lies deeper has the keys on its way joined by dots, and entries of lists their index; null is left out.
 * @param source where the file comes from, for errors
 * @throws NsctlError Failed where no identity fits; Invalid where it is no file of sops, was tampered with, or a key of it cannot be one of
 *   a Secret; Unsupported where it is encrypted in a way that is not age's
 */
export async function readSops(
  bytes: Uint8Array,
  identities: readonly Identity[],
  source: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { tree, metadata } = parseSopsFile(Buffer.from(bytes).toString('utf8'), source)
  const dataKey = await dataKeyOf(metadata, identities, source)
  const macOnlyEncrypted = String(metadata.get('mac_only_encrypted')) === 'true'
  const walk: Walk = {
    source,
    dataKey,
    macOnlyEncrypted,
    hash: createHash('sha512'),
    values: new Map(),
  }
  // so that one kind of MAC never passes for the other
  if (macOnlyEncrypted) walk.hash.update(createHash('sha256').update('sops').digest())
  visit(tree, [], '', walk)
  checkMac(metadata, walk)
  return walk.values
}

interface Walk {
  readonly source: string
  readonly dataKey: Uint8Array
  readonly macOnlyEncrypted: boolean
  readonly hash: Hash
  readonly values: Map<string, Uint8Array>
}

/** @param path the keys on the way, as sops counts them: without indexes */
function visit(node: SopsNode, path: readonly string[], name: string, walk: Walk): void {
  if (node === null) return
  const below = (part: string) => (name === '' ? part : `${name}.${part}`)
  if (node instanceof Map) {
    for (const [key, child] of node) visit(child, [...path, String(key)], below(String(key)), walk)
  } else if (Array.isArray(node)) {
    for (const [index, child] of node.entries()) visit(child, path, below(String(index)), walk)
  } else {
    visitLeaf(node as string | number | bigint | boolean, path, name, walk)
  }
}

function visitLeaf(
  leaf: string | number | bigint | boolean,
  path: readonly string[],
  name: string,
  walk: Walk,
): void {
  const match = typeof leaf === 'string' ? ENCRYPTED.exec(leaf) : null
  const type = match?.[4] ?? typeof leaf
  if (type === 'comment') return
  const plain =
    match === null
      ? Buffer.from(typeof leaf === 'number' ? decimal(leaf) : String(leaf))
      : decrypt(match, `${path.join(':')}:`, walk.dataKey)
  if (plain === undefined)
    throw new NsctlError('Invalid', `${walk.source}: the value of ${name} is damaged or was moved here`, {
      next: 'Get the file anew from where it comes from',
    })
  const isBoolean = type === 'bool' || type === 'boolean'
  const isTrue = isBoolean && plain.toString('latin1').toLowerCase() === 'true'
  if (match !== null || !walk.macOnlyEncrypted)
    walk.hash.update(isBoolean ? (isTrue ? 'True' : 'False') : plain)
  checkKey(name)
  if (walk.values.has(name))
    throw new NsctlError('Invalid', `${walk.source}: two values would have the key ${name}`, { value: name })
  walk.values.set(name, new Uint8Array(isBoolean ? Buffer.from(String(isTrue)) : plain))
}

/** A number as sops writes it: all digits, and no exponent. */
function decimal(value: number): string {
  const [digits, exponent] = String(value).split('e')
  if (exponent === undefined) return digits as string
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(digits as string) as RegExpExecArray
  const all = `${whole}${fraction}`
  const point = (whole as string).length + Number(exponent)
  if (point >= all.length) return `${sign}${all.padEnd(point, '0')}`
  return point <= 0
    ? `${sign}0.${'0'.repeat(-point)}${all}`
    : `${sign}${all.slice(0, point)}.${all.slice(point)}`
}

/** undefined where it does not belong to this key and this place. */
function decrypt(match: RegExpExecArray, additional: string, key: Uint8Array): Buffer | undefined {
  const [data, iv, tag] = match.slice(1, 4).map((part) => Buffer.from(part, 'base64')) as [
    Buffer,
    Buffer,
    Buffer,
  ]
  try {
    const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: 16 })
    decipher.setAAD(Buffer.from(additional))
    decipher.setAuthTag(tag)
    return Buffer.concat([decipher.update(data), decipher.final()])
  } catch {
    return undefined
  }
}

async function dataKeyOf(
  metadata: SopsMap,
  identities: readonly Identity[],
  source: string,
): Promise<Uint8Array> {
  const groups = metadata.get('key_groups')
  if (Array.isArray(groups) && groups.length > 1)
    throw new NsctlError('Unsupported', `${source} needs keys of several groups, which nsctl cannot join`, {
      next: 'Decrypt it with sops, and give what it holds with --from-env-file or --from-file',
    })
  const group = Array.isArray(groups) ? (groups[0] as SopsNode) : metadata
  const entries = group instanceof Map ? group.get('age') : undefined
  const sealed = Array.isArray(entries) ? entries.flatMap((entry) => encOf(entry)) : []
  if (sealed.length === 0)
    throw new NsctlError('Unsupported', `${source} is not encrypted for age`, {
      next: 'Add a recipient with sops rotate --in-place --add-age RECIPIENT FILE',
    })
  let last: unknown
  for (const armored of sealed)
    try {
      const key = await open(armored, identities, source)
      if (key.length === DATA_KEY_BYTES) return key
      last = new NsctlError('Invalid', `${source} has a data key of another length than sops gives it`)
    } catch (error) {
      if (!isNsctlError(error, 'Failed', 'Invalid')) throw error
      // one that is damaged says more than one that is for others
      if (last === undefined || isNsctlError(error, 'Invalid')) last = error
    }
  throw last
}

function encOf(entry: SopsNode): readonly string[] {
  const enc = entry instanceof Map ? entry.get('enc') : undefined
  return typeof enc === 'string' ? [enc] : []
}

function checkMac(metadata: SopsMap, walk: Walk): void {
  const [mac, lastModified] = [metadata.get('mac'), metadata.get('lastmodified')]
  const match = typeof mac === 'string' ? ENCRYPTED.exec(mac) : null
  const expected = match && decrypt(match, String(lastModified), walk.dataKey)
  if (expected?.toString('latin1') === walk.hash.digest('hex').toUpperCase()) return
  throw new NsctlError(
    'Invalid',
    `${walk.source} was changed by somebody else than sops: its MAC does not fit its values`,
    {
      next: 'Compare it with an older version of it, and have sops write it anew once you trust its values',
    },
  )
}

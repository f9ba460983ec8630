/** Writes files as sops describes its format, with none of nsctl's code, for tests of the reader. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { armor, Encrypter } from 'age-encryption'

export type Leaf = string | number | boolean | null
export type Tree = readonly (readonly [string, Leaf | readonly Leaf[] | Tree])[]

export interface SopsOptions {
  readonly recipients: readonly string[]
  /** Keys that end so stay readable, and so does what is below them. */
  readonly unencryptedSuffix?: string
  readonly macOnlyEncrypted?: boolean
}

const LAST_MODIFIED = '2026-01-02T03:04:05Z'

/** The parts of an encrypted file, to be put together or to be tampered with. */
export interface SopsParts {
  tree: [string, unknown][]
  readonly sops: Record<string, unknown>
}

export async function encryptTree(tree: Tree, options: SopsOptions): Promise<SopsParts> {
  const dataKey = randomBytes(32)
  const hash = createHash('sha512')
  if (options.macOnlyEncrypted)
    hash.update(Buffer.from('8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69', 'hex'))
  const walk = (node: unknown, path: readonly string[]): unknown => {
    if (node === null) return null
    if (Array.isArray(node)) {
      const isTree = node.length > 0 && node.every((entry) => Array.isArray(entry))
      if (!isTree) return node.map((entry) => walk(entry, path))
      return node.map(([key, value]) => [key, walk(value, [...path, key])])
    }
    const suffix = options.unencryptedSuffix ?? '_unencrypted'
    const plain = path.some((part) => part.endsWith(suffix))
    const text = typeof node === 'boolean' ? (node ? 'True' : 'False') : String(node)
    if (!plain || !options.macOnlyEncrypted) hash.update(text)
    if (plain) return node
    const type = { string: 'str', number: Number.isInteger(node) ? 'int' : 'float', boolean: 'bool' }[
      typeof node as string
    ]
    return enc(text, type as string, `${path.join(':')}:`, dataKey)
  }
  const encrypted = walk(tree, []) as [string, unknown][]
  const age = []
  for (const recipient of options.recipients) {
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    age.push({ recipient, enc: armor.encode(await encrypter.encrypt(dataKey)) })
  }
  return {
    tree: encrypted,
    sops: {
      kms: null,
      age,
      lastmodified: LAST_MODIFIED,
      mac: enc(hash.digest('hex').toUpperCase(), 'str', LAST_MODIFIED, dataKey),
      unencrypted_suffix: options.unencryptedSuffix ?? '_unencrypted',
      ...(options.macOnlyEncrypted ? { mac_only_encrypted: true } : {}),
      version: '3.9.0',
    },
  }
}

function enc(text: string, type: string, additional: string, key: Buffer): string {
  if (text === '') return ''
  const iv = randomBytes(32)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(Buffer.from(additional))
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  const base64 = (bytes: Buffer) => bytes.toString('base64')
  return `ENC[AES256_GCM,data:${base64(data)},iv:${base64(iv)},tag:${base64(cipher.getAuthTag())},type:${type}]`
}

/** Block YAML with four spaces, as sops writes it; comments of its own kind among the values. */
export function yamlOf({ tree, sops }: SopsParts): string {
  const lines = ['#ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:comment]']
  const write = (node: unknown, indent: string): void => {
    for (const [name, value] of node as [string, unknown][]) {
      const key = /^\d+$/.test(name) ? JSON.stringify(name) : name
      if (isTree(value)) {
        lines.push(`${indent}${key}:`)
        write(value, `${indent}    `)
      } else if (Array.isArray(value)) {
        lines.push(`${indent}${key}:`, ...value.map((entry) => `${indent}    - ${scalar(entry)}`))
      } else lines.push(`${indent}${key}: ${scalar(value)}`)
    }
  }
  write(tree, '')
  lines.push('sops:')
  for (const [key, value] of Object.entries(sops))
    if (!Array.isArray(value)) lines.push(`    ${key}: ${scalar(value)}`)
    else
      for (const [index, { recipient, enc: file }] of value.entries()) {
        if (index === 0) lines.push(`    ${key}:`)
        lines.push(`        - recipient: ${recipient}`, '          enc: |')
        lines.push(
          ...file
            .trimEnd()
            .split('\n')
            .map((line: string) => `            ${line}`),
        )
      }
  return `${lines.join('\n')}\n`
}

function scalar(value: unknown): string {
  return typeof value === 'string' && !/^(ENC\[|[0-9]{4}-)/.test(value)
    ? JSON.stringify(value)
    : String(value)
}

/** JSON with tabs, as sops writes it. */
export function jsonOf({ tree, sops }: SopsParts): string {
  const write = (node: unknown, indent: string): string => {
    if (!isTree(node)) return JSON.stringify(node, undefined, '\t').replaceAll('\n', `\n${indent}`)
    const inner = `${indent}\t`
    return `{\n${node.map(([key, value]) => `${inner}${JSON.stringify(key)}: ${write(value, inner)}`).join(',\n')}\n${indent}}`
  }
  return write([...tree, ['sops', sops]], '')
}

function isTree(node: unknown): node is [string, unknown][] {
  return Array.isArray(node) && node.length > 0 && node.every((entry) => Array.isArray(entry))
}

export function dotenvOf({ tree, sops }: SopsParts): string {
  const line = (name: string, value: unknown) => `${name}=${String(value).replaceAll('\n', '\\n')}`
  const lines = ['#a comment', ...tree.map(([name, value]) => line(name, value)), '']
  for (const [key, value] of Object.entries(sops)) {
    if (Array.isArray(value))
      for (const [index, entry] of value.entries())
        for (const [name, text] of Object.entries(entry))
          lines.push(line(`sops_${key}__list_${index}__map_${name}`, text))
    else if (value !== null) lines.push(line(`sops_${key}`, value))
  }
  return `${lines.join('\n')}\n`
}

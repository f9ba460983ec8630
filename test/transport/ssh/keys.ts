/** Public keys for tests; whose other halves nobody has. */
import { generateKeyPairSync } from 'node:crypto'

/** RFC 8709: the kind, and 32 bytes. */
export function keyLine(): string {
  const { publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return `ssh-ed25519 ${Buffer.concat([text('ssh-ed25519'), text(raw)]).toString('base64')}`
}

export const ED25519 = keyLine()

/** Shaped like one. */
export const RSA = `ssh-rsa ${Buffer.concat([text('ssh-rsa'), text(Buffer.from([1, 0, 1])), text(Buffer.alloc(257, 7))]).toString('base64')}`

function text(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** A key as it goes over the wire. */
export function wire(line: string): Buffer {
  return Buffer.from(line.split(' ')[1] ?? '', 'base64')
}

/** A private key that OpenSSH and ssh2 read. */
export function clientKey(): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { format: 'pem', type: 'pkcs1' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs1' },
  }).privateKey
}

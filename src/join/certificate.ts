/** Certificates as the control plane's authority issues them: X.509 version 3 (RFC 5280), ECDSA with P-256 and SHA-256. */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import {
  bits,
  boolean,
  type Der,
  explicit,
  implicit,
  integer,
  objectId,
  octets,
  sequence,
  set,
  text,
  time,
} from './der.ts'

export interface CertificateName {
  readonly organization: string
  /** Tells one issue of a certificate from another: whoever renews must name the last. */
  readonly unit?: string
  readonly common: string
}

export interface CertificateOptions {
  readonly subject: CertificateName
  readonly issuer: CertificateName
  /** The subject's. */
  readonly publicKey: KeyObject
  /** The issuer's public half, by which it is told from others of its name. */
  readonly issuerKey: KeyObject
  /** What signs. */
  readonly privateKey: KeyObject
  readonly fromMs: number
  readonly toMs: number
  /** Names and IP addresses by which it is reached; none for an authority, nor for who only calls. */
  readonly names: readonly string[]
  readonly isAuthority?: boolean
  /** It calls, and never answers. */
  readonly isCaller?: boolean
}

const ID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  common: '2.5.4.3',
  organization: '2.5.4.10',
  unit: '2.5.4.11',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  names: '2.5.29.17',
  constraints: '2.5.29.19',
  issuerKey: '2.5.29.35',
  purposes: '2.5.29.37',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const

const SERIAL_BYTES = 16

/** A certificate, as PEM. */
export function issueCertificate(options: CertificateOptions): string {
  const algorithm = sequence(objectId(ID.ecdsaWithSha256))
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(randomBytes(SERIAL_BYTES)),
    algorithm,
    nameOf(options.issuer),
    sequence(time(options.fromMs), time(options.toMs)),
    nameOf(options.subject),
    options.publicKey.export({ format: 'der', type: 'spki' }),
    explicit(3, sequence(...extensionsOf(options))),
  )
  const signature = sign('sha256', body, options.privateKey)
  return pem(sequence(body, algorithm, bits(signature)))
}

function extensionsOf({
  publicKey,
  issuerKey,
  names,
  isAuthority = false,
  isCaller = false,
}: CertificateOptions): readonly Der[] {
  const keys = [
    extension(ID.subjectKey, octets(keyId(publicKey))),
    extension(ID.issuerKey, sequence(implicit(0, keyId(issuerKey)))),
  ]
  if (isAuthority)
    return [
      // of no authority beneath it
      extension(ID.constraints, sequence(boolean(true), integer(Buffer.from([0]))), true),
      // signs certificates, and nothing else
      extension(ID.keyUsage, bits(Buffer.from([0b00000100]), 2), true),
      ...keys,
    ]
  return [
    extension(ID.constraints, sequence(), true),
    extension(ID.keyUsage, bits(Buffer.from([0b10000000]), 7), true),
    extension(ID.purposes, sequence(...(isCaller ? [] : [objectId(ID.server)]), objectId(ID.client))),
    ...(names.length === 0 ? [] : [extension(ID.names, sequence(...names.map(alternativeName)))]),
    ...keys,
  ]
}

function extension(id: string, content: Der, isCritical = false): Der {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octets(content))
}

function nameOf({ organization, unit, common }: CertificateName): Der {
  const part = (id: string, value: string) => set(sequence(objectId(id), text(value)))
  return sequence(
    part(ID.organization, organization),
    ...(unit === undefined ? [] : [part(ID.unit, unit)]),
    part(ID.common, common),
  )
}

function alternativeName(name: string): Der {
  if (isIP(name) === 0) return implicit(2, Buffer.from(name))
  return implicit(7, addressBytes(name))
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const gap = Array.from({ length: 8 - first.length - last.length }, () => 0)
  return Buffer.from([...first, ...gap, ...last].flatMap((group) => [group >> 8, group & 0xff]))
}

/** RFC 5280, 4.2.1.2, by today's digest. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest()
    .subarray(0, 20)
}

function pem(der: Der): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

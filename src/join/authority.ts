/** The control plane's certificate authority: it says who is a node, and who may say so. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto'
import type { Caller } from '../core/caller.ts'
import { NsctlError } from '../core/errors.ts'
import { type CertificateName, issueCertificate } from './certificate.ts'

/** A certificate, and the key of its subject. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

const HOUR_MS = 60 * 60 * 1000
/** Of nodes and of the join listener. A node renews after two thirds. */
export const CERTIFICATE_MS = 24 * HOUR_MS
const AUTHORITY_MS = 10 * 365 * 24 * HOUR_MS
/** Clocks differ. */
const SKEW_MS = 5 * 60 * 1000

const NODES = 'nsctl:nodes'
const CONTROL_PLANE = 'nsctl:control-plane'
const OPERATORS = 'nsctl:operators'
/** What an operator may do is in its certificate's unit: all, or what is in one namespace. */
const EVERYWHERE = 'all'
const WITHIN = 'namespace/'
const NAME: CertificateName = { organization: 'nsctl', common: 'nsctl node authority' }

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

export function keyPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: key.type === 'public' ? 'spki' : 'pkcs8' }).toString()
}

/** A new authority, whose certificate is signed by itself. */
export function makeAuthority(nowMs: number): KeyPair {
  const privateKey = newKey()
  const publicKey = createPublicKey(privateKey)
  const certificate = issueCertificate({
    subject: NAME,
    issuer: NAME,
    ...{ publicKey, issuerKey: publicKey, privateKey },
    fromMs: nowMs - SKEW_MS,
    toMs: nowMs + AUTHORITY_MS,
    names: [],
    isAuthority: true,
  })
  return { certificate, key: keyPem(privateKey) }
}

export interface NodeIssue {
  readonly node: string
  /** Of the joining that it came of: a certificate of another is renewed no more. */
  readonly joining: string
}

export class Authority {
  readonly certificate: string
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject

  /** @throws Error where the two do not belong together */
  constructor({ certificate, key }: KeyPair) {
    this.certificate = certificate
    this.#privateKey = createPrivateKey(key)
    this.#publicKey = createPublicKey(this.#privateKey)
    if (!new X509Certificate(certificate).checkPrivateKey(this.#privateKey))
      throw new Error('the key is not that of the certificate')
  }

  /** @param publicKey PEM, of the node's choice. @throws NsctlError Invalid where it is none of P-256 */
  issueNode({ node, joining }: NodeIssue, publicKey: string, nowMs: number): string {
    const subject = { organization: NODES, unit: joining, common: node }
    return this.#issue(subject, [node], readPublicKey(publicKey), nowMs)
  }

  /** For the join listener, under the names that it is reached by. */
  issueListener(names: readonly string[], nowMs: number): KeyPair {
    const key = newKey()
    const subject = { organization: CONTROL_PLANE, common: 'join' }
    return { certificate: this.#issue(subject, names, createPublicKey(key), nowMs), key: keyPem(key) }
  }

  /** For whoever calls nodes, for so long: see `callerOfSubject`. It is nobody's to be reached by. */
  issueCaller(caller: Caller, forMs: number, nowMs: number): KeyPair {
    const key = newKey()
    const { role, name, namespace } = caller
    const unit = namespace === undefined ? EVERYWHERE : `${WITHIN}${namespace}`
    const organization = role === 'operator' ? OPERATORS : CONTROL_PLANE
    const certificate = issueCertificate({
      ...this.#terms(nowMs, forMs),
      subject: { organization, unit, common: plainName(name) },
      ...{ publicKey: createPublicKey(key), names: [], isCaller: true },
    })
    return { certificate, key: keyPem(key) }
  }

  #issue(subject: CertificateName, names: readonly string[], publicKey: KeyObject, nowMs: number): string {
    return issueCertificate({ ...this.#terms(nowMs, CERTIFICATE_MS), subject, publicKey, names })
  }

  #terms(nowMs: number, forMs: number) {
    return {
      issuer: NAME,
      issuerKey: this.#publicKey,
      privateKey: this.#privateKey,
      fromMs: nowMs - SKEW_MS,
      toMs: nowMs + forMs,
    }
  }
}

/** As it may stand in a certificate: 64 characters are the most (RFC 5280, ub-common-name). */
function plainName(name: string): string {
  return name.replaceAll(/[^\w.@ -]/g, '_').slice(0, 64) || 'unknown'
}

function readPublicKey(text: string): KeyObject {
  try {
    const key = createPublicKey({ key: text, format: 'pem', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && text.startsWith('-----BEGIN PUBLIC KEY'))
      return key
  } catch {
    // said below
  }
  throw new NsctlError('Invalid', 'the node’s public key is none of the curve P-256, as PEM')
}

/** The lines of a subject as Node shows it: `O=…`, one a line. */
type Subject = Readonly<Record<string, unknown>>

/** Who a certificate that the authority signed says that its holder is; undefined for what is no node. */
export function nodeOfSubject({ O: organization, OU: joining, CN: node }: Subject): NodeIssue | undefined {
  if (organization !== NODES || typeof joining !== 'string' || typeof node !== 'string') return undefined
  return { node, joining }
}

/** A node's certificate is signed by the same authority, and must not pass for the control plane's. */
export function isControlPlane({ O: organization }: Subject): boolean {
  return organization === CONTROL_PLANE
}

/** Who may call a node, by a certificate that the authority signed; undefined for a node, who may not. */
export function callerOfSubject(subject: Subject): Caller | undefined {
  const { OU: unit, CN: name } = subject
  if (typeof name !== 'string') return undefined
  if (isControlPlane(subject)) return { role: 'control-plane', name }
  if (subject.O !== OPERATORS || typeof unit !== 'string') return undefined
  if (unit === EVERYWHERE) return { role: 'operator', name }
  if (!unit.startsWith(WITHIN)) return undefined
  return { role: 'operator', name, namespace: unit.slice(WITHIN.length) }
}

/** By what an authority is known beforehand: the SHA-256 of its certificate. */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase()
}

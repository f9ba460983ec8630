/**
 * Join tokens: for a short time one lets a machine become a node. It names the authority and where the join listener is, so that whoever
 * has it is not fooled by another listener. Only a digest of its secret is stored.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'

export interface JoinToken {
  /** What it is called in the store. */
  readonly id: string
  readonly secret: string
  /** `host:port` of join listeners, in the order in which they are to be tried. */
  readonly addresses: readonly string[]
  /** Of the authority: see `fingerprintOf`. */
  readonly fingerprint: string
}

const BEGINNING = 'nsctl-join-1.'
const ID_BYTES = 5
const SECRET_BYTES = 32

export function newToken(addresses: readonly string[], fingerprint: string): JoinToken {
  const id = randomBytes(ID_BYTES).toString('hex')
  return { id, secret: randomBytes(SECRET_BYTES).toString('base64url'), addresses, fingerprint }
}

/** One word, to be handed over like a password. */
export function tokenText({ id, secret, addresses, fingerprint }: JoinToken): string {
  return BEGINNING + Buffer.from(JSON.stringify([id, secret, fingerprint, addresses])).toString('base64url')
}

/** @throws NsctlError Invalid, with none of it in the message */
export function parseToken(text: string): JoinToken {
  const word = text.trim()
  const parts = word.startsWith(BEGINNING) ? parsed(word.slice(BEGINNING.length)) : undefined
  const [id, secret, fingerprint, addresses] = Array.isArray(parts) ? parts : []
  const isWhole =
    typeof id === 'string' &&
    typeof secret === 'string' &&
    /^[0-9a-f]{64}$/.test(String(fingerprint)) &&
    Array.isArray(addresses) &&
    addresses.length > 0 &&
    addresses.every((address) => typeof address === 'string')
  if (isWhole) return { id, secret, fingerprint: String(fingerprint), addresses }
  throw new NsctlError('Invalid', 'this is no join token, or not the whole of one', {
    next: `it is one word that begins with ${BEGINNING}: nsctl node token create`,
  })
}

function parsed(encoded: string): unknown {
  try {
    return JSON.parse(Buffer.from(encoded, 'base64url').toString())
  } catch {
    return undefined
  }
}

/** What is stored of a secret: it has 256 random bits, so that a plain digest tells nothing. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** In the same time whatever is there. */
export function matches(secret: string, digest: string): boolean {
  const [own, stored] = [Buffer.from(digestOf(secret)), Buffer.from(digest)]
  return own.length === stored.length && timingSafeEqual(own, stored)
}

/** What a machine asks for, and what it is given. */
export interface JoinRequest {
  readonly id: string
  readonly secret: string
  readonly node: string
  /** PEM. */
  readonly publicKey: string
  /** The age key that Secrets are sealed to for it. */
  readonly recipient: string
  /** What the machine is: os, arch. */
  readonly labels: Readonly<Record<string, string>>
}

export interface JoinAnswer {
  readonly node: string
  readonly certificate: string
  /** As the control plane names it; another machine may reach it under another name. */
  readonly storeUrl: string
  /** The variables by which the store is opened. */
  readonly credential: Readonly<Record<string, string>>
}

/** Undefined for what is no request. */
export function readJoinRequest(body: unknown): JoinRequest | undefined {
  if (!isObject(body)) return undefined
  const { id, secret, node, publicKey, recipient, labels } = body
  const texts = [id, secret, node, publicKey, recipient]
  if (!texts.every((one) => typeof one === 'string') || !isTexts(labels)) return undefined
  return body as unknown as JoinRequest
}

/** Undefined for what is no answer. */
export function readJoinAnswer(body: unknown): JoinAnswer | undefined {
  if (!isObject(body)) return undefined
  const { node, certificate, storeUrl, credential } = body
  const isWhole = [node, certificate, storeUrl].every((one) => typeof one === 'string')
  return isWhole && isTexts(credential) ? (body as unknown as JoinAnswer) : undefined
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string')
}

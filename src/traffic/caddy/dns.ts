/**
 * As much of DNS (RFC 1035, 2782, 3596) as Caddy asks for: which instances a service has (SRV), and which address such a name stands for
 * (A, AAAA). Names of addresses spell the address, so that whoever knows the suffix can answer for them. Pure.
 */
import { isIPv6 } from 'node:net'

export const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const
const CLASS_IN = 1
const HEADER_BYTES = 12
/** The question's name, which every answer is about. */
const POINTER_TO_QUESTION = 0xc00c
const NXDOMAIN = 3
const MAX_NAME_BYTES = 255

/** Where a service is. */
export interface Target {
  readonly address: string
  readonly port: number
}

/** What the server knows: the targets of a name, without its final dot and in lower case; undefined for a name that is none of its. */
export type TargetsOf = (name: string) => readonly Target[] | undefined

/** The answer to one message; undefined where it is none that can be answered. */
export function answer(query: Buffer, suffix: string, targetsOf: TargetsOf): Buffer | undefined {
  const question = readQuestion(query)
  if (question === undefined) return undefined
  const records = recordsOf(question, suffix, targetsOf)
  const header = Buffer.alloc(HEADER_BYTES)
  query.copy(header, 0, 0, 2)
  // an authoritative answer; whether recursion was desired is repeated
  header.writeUInt16BE(0x8400 | (query.readUInt16BE(2) & 0x0100) | (records === undefined ? NXDOMAIN : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records?.length ?? 0, 6)
  return Buffer.concat([header, query.subarray(HEADER_BYTES, question.end), ...(records ?? [])])
}

/** A name under `suffix` that stands for `address`. */
export function addressName(address: string, suffix: string): string {
  const label = isIPv6(address)
    ? `v6-${ipv6Bytes(address).toString('hex')}`
    : `v4-${ipv4Bytes(address).toString('hex')}`
  return `${label}.${suffix}`
}

interface Question {
  readonly name: string
  readonly type: number
  /** Where it ends in the message. */
  readonly end: number
}

function readQuestion(query: Buffer): Question | undefined {
  if (query.length < HEADER_BYTES || query.readUInt16BE(4) !== 1) return undefined
  const isQuery = (query.readUInt16BE(2) & 0xf800) === 0
  if (!isQuery) return undefined
  const labels: string[] = []
  let at = HEADER_BYTES
  for (;;) {
    const length = query[at]
    if (length === undefined || length > 63 || at - HEADER_BYTES > MAX_NAME_BYTES) return undefined
    at++
    if (length === 0) break
    if (at + length > query.length) return undefined
    labels.push(query.toString('latin1', at, at + length))
    at += length
  }
  if (at + 4 > query.length || query.readUInt16BE(at + 2) !== CLASS_IN) return undefined
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at), end: at + 4 }
}

/** Undefined where there is no such name; none where it has no records of the type. */
function recordsOf(
  { name, type }: Question,
  suffix: string,
  targetsOf: TargetsOf,
): readonly Buffer[] | undefined {
  const targets = targetsOf(name)
  if (targets !== undefined) {
    if (type !== TYPES.SRV) return []
    return targets.map(({ address, port }) => record(type, serviceData(port, addressName(address, suffix))))
  }
  const spelt = spelledAddress(name, suffix)
  if (spelt === undefined) return undefined
  const own = spelt.length === 4 ? TYPES.A : TYPES.AAAA
  return own === type ? [record(type, spelt)] : []
}

function spelledAddress(name: string, suffix: string): Buffer | undefined {
  if (!name.endsWith(`.${suffix}`)) return undefined
  const label = name.slice(0, -suffix.length - 1)
  if (!/^(v4-[0-9a-f]{8}|v6-[0-9a-f]{32})$/.test(label)) return undefined
  return Buffer.from(label.slice(3), 'hex')
}

/** Not to be kept by anybody: its time to live is 0. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(POINTER_TO_QUESTION, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(CLASS_IN, 4)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function serviceData(port: number, target: string): Buffer {
  // priority 0, weight 1: what weighs more is there more than once
  const head = Buffer.from([0, 0, 0, 1, port >> 8, port & 0xff])
  const labels = target.split('.').map((label) => Buffer.from(`\0${label}`, 'latin1'))
  for (const label of labels) label[0] = label.length - 1
  return Buffer.concat([head, ...labels, Buffer.from([0])])
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

function ipv6Bytes(address: string): Buffer {
  const [plain = ''] = address.split('%')
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  const text = tail === null ? plain : `${tail[1]}${hexGroups(ipv4Bytes(tail[2] ?? ''))}`
  const [before = '', after] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const [front, back] = [groups(before), groups(after ?? '')]
  const zeros = after === undefined ? 0 : 8 - front.length - back.length
  const all = [...front, ...Array.from({ length: zeros }, () => '0'), ...back]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function hexGroups(bytes: Buffer): string {
  return `${bytes.toString('hex', 0, 2)}:${bytes.toString('hex', 2, 4)}`
}

/** What is said of this machine as a Node when its agent starts: its name, where it is reached, what is kept for its system. */
import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import type { Reserve } from '../agent/machine.ts'
import { defaultReserve, thisMachine } from '../agent/machine.ts'
import { NsctlError } from '../core/errors.ts'
import { parseCpuMillis, parseMemoryBytes } from '../core/quantity.ts'
import type { Claim } from './claim.ts'
import { nodeName } from './claim.ts'
import type { ListenAddress } from './listening/listen.ts'

export interface NodeOptions {
  /** Its name; the host's where left out. */
  readonly node?: string
  /** Where its instances are reached, the preferred one first; found out where left out. */
  readonly addresses?: readonly string[]
  readonly reserve?: Reserve
  /** Where the admin API is of the Caddy that leads requests here; see `balancerOf`. */
  readonly caddyAdmin?: string
  /** Where its agent answers callers on other machines. */
  readonly listen?: ListenAddress
}

export interface Addresses {
  readonly addresses: readonly string[]
  /** Why these: for whoever starts the agent. */
  readonly why: string
}

const LOOPBACK = ['127.0.0.1', '::1'] as const

/**
 * Those that were given, else the one from which this machine reaches its store, which is where others of the store's clients can be
 * reached, too, as a rule. A store on the machine itself says nothing of others: then it is loopback, and `why` says so.
 */
export async function addressesOf(storeUrl: string, given?: readonly string[]): Promise<Addresses> {
  if (given !== undefined && given.length > 0) return { addresses: given, why: 'as was said' }
  const host = hostOf(storeUrl)
  if (host === undefined) return { addresses: LOOPBACK, why: 'the store is on this machine' }
  const own = await sourceAddress(host)
  if (own === undefined || own === '::1' || own.startsWith('127.'))
    return {
      addresses: LOOPBACK,
      why: `${host} is reached by it; for other machines name one with --address`,
    }
  return { addresses: [own], why: `${host} is reached by it; --address names another` }
}

/** The first host of a store's URL; undefined where it has none. */
export function hostOf(storeUrl: string): string | undefined {
  const [, host] = /^(?:consul|etcd)s?:\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/,?]+)/.exec(storeUrl) ?? []
  return host?.replace(/^\[|\]$/g, '')
}

/** From which of its addresses this machine would talk to `host`. Sends nothing. */
function sourceAddress(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4')
    const done = (address: string | undefined) => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => done(undefined))
    socket.connect(9, host, () => done(socket.address().address))
  })
}

/** @throws NsctlError Usage for what is no address that instances can be reached at */
export function readAddresses(texts: readonly string[]): readonly string[] {
  for (const text of texts)
    if (isIP(text) === 0 || text === '0.0.0.0' || text === '::')
      throw new NsctlError('Usage', `--address is no address of a machine: ${JSON.stringify(text)}`, {
        value: text,
        next: 'give an IPv4 or IPv6 address of this machine, such as 10.0.0.7',
      })
  return texts
}

/** `cpu=500m,memory=1Gi`; what is left out of it is kept as it would be without. @throws NsctlError Usage */
export function readReserve(text: string): Reserve {
  const reserve = { ...defaultReserve(thisMachine()) }
  for (const part of text.split(',')) {
    const [name, amount = ''] = part.split('=')
    if (name === 'cpu') reserve.cpuMillis = parseCpuMillis(amount)
    else if (name === 'memory') reserve.memoryBytes = parseMemoryBytes(amount)
    else
      throw new NsctlError('Usage', `--reserve keeps cpu and memory, not ${JSON.stringify(part)}`, {
        value: part,
        next: 'write it like cpu=500m,memory=1Gi',
      })
  }
  return reserve
}

/** A machine keeps the name under which its programs were first run. @throws NsctlError Conflict where it is to have another */
export function refuseRenaming(claim: Claim, wanted: string | undefined): void {
  if (wanted === undefined || claim.node === wanted) return
  throw new NsctlError('Conflict', `this machine runs its programs as node ${claim.node}, not ${wanted}`, {
    value: wanted,
    next: `leave --node out, or end what runs with nsctl down and begin anew`,
  })
}

/** @throws NsctlError Usage for what cannot be a Node's name */
export function readNodeName(text: string): string {
  if (nodeName(text) === text && text.length <= 253) return text
  throw new NsctlError('Usage', `--node is no name of a node: ${JSON.stringify(text)}`, {
    value: text,
    next: 'take lower-case letters, digits, - and .',
  })
}

/** Calls the listeners of nodes, and believes none but the node that it means. */

import type { IncomingMessage } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'
import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import { orAborted, whenAborted } from '../transport/abort.ts'
import type { ProcessStreams } from '../transport/process-streams.ts'
import { errorOf } from './answers.ts'
import { Asking } from './asking.ts'
import { CHANNEL_PATH, CHANNEL_PROTOCOL } from './channel.ts'
import type { ConnectQuestion, ExecQuestion, LogRecord, LogsQuestion, Question } from './services.ts'

/** Where a node is called. */
export interface NodeAddress {
  readonly node: string
  /** `10.0.0.7:9444`, as its status says. */
  readonly listener: string
  /** Which joining it came of: a certificate of an earlier one is not believed. Not looked at where left out. */
  readonly joining?: string
  /** The control plane hears nothing of it: it is tried, and not for long. */
  readonly isSilent?: boolean
}

/** What a caller shows, and whom it believes. PEM. */
export interface CallerCredentials {
  readonly certificate: string
  readonly key: string
  readonly authority: string
}

export interface NodeCallerOptions {
  readonly clock: Clock
  /** Asked for each connection: what it gives may be renewed. @throws NsctlError where there are none */
  readonly credentials: () => Promise<CallerCredentials>
  /** Which node a certificate of the authority is for, and of which joining. */
  readonly nodeOf: (
    subject: Readonly<Record<string, unknown>>,
  ) => { readonly node: string; readonly joining: string } | undefined
}

const CONNECT_LIMIT_MS = 10_000
const SILENT_LIMIT_MS = 3_000
const MAX_TEXT_BYTES = 16 * 2 ** 20
const MAX_ERROR_BYTES = 64 * 1024

interface Kept {
  readonly agent: Agent
  /** Where it leads, and as whom: another connection is another agent's. */
  readonly terms: string
}

export class NodeCaller {
  readonly #options: NodeCallerOptions
  /** A connection for each node that metrics are read of again and again, as the certificate is that it was opened with. */
  readonly #kept = new Map<string, Kept>()

  constructor(options: NodeCallerOptions) {
    this.#options = options
  }

  /**
   * The text of a node's metrics, of these names where there are any.
   * @throws NsctlError Unreachable, Denied, and what the node says; the signal's reason
   */
  async metrics(at: NodeAddress, names: readonly string[], signal: AbortSignal): Promise<string> {
    const query = names.map((name) => `name[]=${encodeURIComponent(name)}`).join('&')
    const response = await this.#get(at, `/v1/metrics${query === '' ? '' : `?${query}`}`, signal)
    return await textOf(response, at, MAX_TEXT_BYTES)
  }

  /** Lines as they come; throws Unreachable once the connection is lost. */
  async *logs(at: NodeAddress, question: LogsQuestion, signal: AbortSignal): AsyncGenerator<LogRecord> {
    const asking = await this.#ask(at, { kind: 'logs', ...question }, signal)
    const stop = whenAborted([signal], () => asking.end())
    try {
      yield* asking.logs()
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      stop()
      asking.end()
    }
  }

  /** Resolves to the exit code. Nothing of the command is left once it rejects, or soon after where the node cannot be told. */
  async exec(
    at: NodeAddress,
    question: ExecQuestion,
    streams: ProcessStreams,
    signal: AbortSignal,
  ): Promise<number> {
    const asking = await this.#ask(at, { kind: 'exec', ...question }, signal)
    try {
      return await orAborted(asking.exec(streams), signal)
    } finally {
      asking.end()
    }
  }

  /** A connection to a port of an Instance. The signal is for opening it. */
  async connect(at: NodeAddress, question: ConnectQuestion, signal: AbortSignal): Promise<Duplex> {
    const asking = await this.#ask(at, { kind: 'connect', ...question }, signal)
    try {
      return await orAborted(asking.connect(), signal)
    } catch (error) {
      asking.end()
      throw error
    }
  }

  /** Ends the connections that it keeps. */
  close(): void {
    for (const { agent } of this.#kept.values()) agent.destroy()
    this.#kept.clear()
  }

  async #get(at: NodeAddress, path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const credentials = await this.#options.credentials()
    // Node keeps no connection whose request says by itself who may answer
    const { checkServerIdentity: _, ...connection } = this.#connection(at, credentials)
    const agent = this.#agentOf(at, credentials)
    const options = { ...connection, agent, path, signal }
    try {
      return await answered(at, options, signal)
    } catch (error) {
      // it was closed over there as it was taken here
      if (!(error instanceof KeptLost)) throw error
      return await answered(at, options, signal)
    }
  }

  /** A connection for this question alone. */
  async #ask(at: NodeAddress, question: Question, signal: AbortSignal): Promise<Asking> {
    const credentials = await this.#options.credentials()
    signal.throwIfAborted()
    const { clock } = this.#options
    const connection = { ...this.#connection(at, credentials), agent: false }
    const { socket, head } = await upgraded(at, connection, { clock, signal })
    return new Asking({ node: at.node, socket, head, clock }, question)
  }

  #agentOf(at: NodeAddress, { certificate }: CallerCredentials): Agent {
    const { node, listener, joining } = at
    const terms = [listener, joining, certificate].join('\n')
    const kept = this.#kept.get(node)
    if (kept?.terms === terms) return kept.agent
    kept?.agent.destroy()
    const agent = new Agent({
      ...{ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 },
      checkServerIdentity: (_: string, peer: PeerCertificate) => this.#refuseOthers(at, peer),
    })
    this.#kept.set(node, { agent, terms })
    return agent
  }

  #connection(at: NodeAddress, { certificate, key, authority }: CallerCredentials): RequestOptions {
    const { host, port } = placeOf(at.listener)
    return {
      host,
      port,
      cert: certificate,
      key,
      ca: authority,
      minVersion: 'TLSv1.2',
      checkServerIdentity: (_: string, peer: PeerCertificate) => this.#refuseOthers(at, peer),
    }
  }

  /** By which address it is reached does not matter: who it is does. */
  #refuseOthers({ node, joining }: NodeAddress, peer: PeerCertificate): Error | undefined {
    const found = this.#options.nodeOf({ ...peer.subject })
    if (found === undefined) return new Error('what answers there is no node')
    if (found.node !== node) return new Error(`what answers there is node ${found.node}`)
    if (joining !== undefined && joining !== found.joining)
      return new Error('what answers there has the certificate of an earlier joining')
    return undefined
  }
}

/** `[fd00::1]:9444`, `10.0.0.7:9444`. */
export function placeOf(listener: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`https://${listener}`)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) }
}

/** A connection that was kept is no more. */
class KeptLost extends Error {}

/** Resolves to a 200. @throws KeptLost once at most: what is asked on a new connection is not on a kept one */
async function answered(
  at: NodeAddress,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  signal.throwIfAborted()
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(options, resolve)
    asked.setTimeout(CONNECT_LIMIT_MS, () =>
      asked.destroy(new Error(`no answer within ${CONNECT_LIMIT_MS / 1000} s`)),
    )
    asked.on('error', (error: NodeJS.ErrnoException) => {
      const isLost = asked.reusedSocket && error.code === 'ECONNRESET'
      reject(signal.aborted ? signal.reason : isLost ? new KeptLost() : unreachable(at, error))
    })
    asked.end()
  })
  if (response.statusCode === 200) return response
  throw await refusalOf(response, at)
}

async function refusalOf(response: IncomingMessage, at: NodeAddress): Promise<NsctlError> {
  const text = await textOf(response, at, MAX_ERROR_BYTES)
  return errorOf(parsed(text), at.node) ?? strange(at, `its answer is ${response.statusCode}`)
}

interface Upgraded {
  readonly socket: Duplex
  readonly head: Buffer
}

interface Limits {
  readonly clock: Clock
  readonly signal: AbortSignal
}

async function upgraded(
  at: NodeAddress,
  options: RequestOptions,
  { clock, signal }: Limits,
): Promise<Upgraded> {
  const headers = { connection: 'upgrade', upgrade: CHANNEL_PROTOCOL }
  const result = await new Promise<Upgraded | IncomingMessage>((resolve, reject) => {
    const asked = request({ ...options, path: CHANNEL_PATH, headers, signal }, resolve)
    // not the socket's own timeout: that begins anew with each step, and a kernel takes connections for a process that stands still
    const limitMs = at.isSilent === true ? SILENT_LIMIT_MS : CONNECT_LIMIT_MS
    const cancel = clock.schedule(limitMs, () =>
      asked.destroy(new Error(`no answer within ${limitMs / 1000} s`)),
    )
    asked.once('close', cancel)
    asked.once('upgrade', (_, socket, head) => {
      cancel()
      resolve({ socket, head })
    })
    asked.on('error', (error) => reject(signal.aborted ? signal.reason : unreachable(at, error)))
    asked.end()
  })
  if ('head' in result) return result
  throw await refusalOf(result, at)
}

async function textOf(response: IncomingMessage, at: NodeAddress, maxBytes: number): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of response) {
      bytes += (part as Buffer).length
      if (bytes > maxBytes) throw strange(at, `its answer has more than ${maxBytes / 2 ** 20} MiB`)
      parts.push(part as Buffer)
    }
  } catch (error) {
    throw isNsctlError(error) ? error : unreachable(at, error)
  }
  return Buffer.concat(parts).toString()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function strange({ node, listener }: NodeAddress, what: string): NsctlError {
  return new NsctlError('Unreachable', `node ${node} cannot be called at ${listener}: ${what}`, {
    value: node,
  })
}

/** In words for who typed the command: which node, what is wrong, what to do. */
export function unreachable({ node, listener, isSilent }: NodeAddress, cause: unknown): NsctlError {
  const { host } = placeOf(listener)
  const isLoopback = host === '::1' || host === 'localhost' || host.startsWith('127.')
  return new NsctlError('Unreachable', `node ${node} cannot be called at ${listener}: ${messageOf(cause)}`, {
    value: node,
    next: isSilent
      ? `the control plane hears nothing of it, either: nsctl describe node ${node}`
      : isLoopback
        ? `it listens on loopback only, for that machine itself: start its agent with --listen ADDRESS:PORT, or do this on ${node}`
        : `see that its agent runs, and that this machine reaches ${listener}`,
    cause,
  })
}

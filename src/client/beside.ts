/** What is done beside the programs of instances: on this machine by its runtime, on others through their agents' listeners. */
import type { Duplex } from 'node:stream'
import { NsctlError } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'
import type { ProgramId, RuntimeReader } from '../runtimes/runtime.ts'
import type { ConnectRequest, ExecRequest, LogEntry, LogRequest } from './client.ts'
import { Confluence } from './confluence.ts'
import { whileWritable } from './outputs.ts'
import { type RemoteNodes, remoteConnect, remoteExec, remoteLogs } from './remote.ts'

export interface Beside {
  readonly openReader: (node: string) => Promise<RuntimeReader>
  readonly openNodes: () => Promise<RemoteNodes>
}

export interface InstanceFields {
  readonly node: string
  readonly service: string
  readonly templateHash: string
  readonly ordinal: number
  readonly template?: { readonly programs?: readonly { readonly name: string }[] }
}

export async function* readLogs(
  beside: Beside,
  request: LogRequest,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  const programs = request.instances.flatMap((instance) =>
    programsOf(instance, request.program).map((id) => ({ id, instance })),
  )
  if (programs.length === 0) return
  const nodes = await beside.openNodes()
  const streams = await Promise.all(
    programs.map(async ({ id, instance }) => {
      if (!(await nodes.isHere(nodeOf(instance))))
        return remoteLogs(nodes, instance, id.program, request, signal)
      const reader = await beside.openReader(nodeOf(instance))
      const { tail, sinceMs, follow, previous } = request
      const how = { tail, sinceMs, follow, previous }
      return entriesOf(instance.metadata.name, reader.logs(id, how as never, signal))
    }),
  )
  yield* request.follow === true ? interleaved(streams) : inTurn(streams)
}

async function* entriesOf(
  instance: string,
  lines: ReturnType<RuntimeReader['logs']>,
): AsyncGenerator<LogEntry> {
  for await (const line of lines) {
    const { id, ...rest } = line
    yield { ...rest, instance, program: id.program }
  }
}

async function* inTurn(streams: readonly AsyncGenerator<LogEntry>[]): AsyncGenerator<LogEntry> {
  for (const stream of streams) yield* stream
}

/** Lines as they come from any of the streams; ends with the last of them, or with the first that fails. */
async function* interleaved(streams: readonly AsyncGenerator<LogEntry>[]): AsyncGenerator<LogEntry> {
  const lines = new Confluence<LogEntry>()
  for (const stream of streams)
    lines.add(async (put) => {
      for await (const entry of stream) await put(entry)
    })
  try {
    yield* lines.values()
  } finally {
    // one stream failed or nobody reads on: the others must not be followed for ever
    for (const stream of streams) void stream.return(undefined).catch(() => {})
  }
}

export async function runBeside(beside: Beside, request: ExecRequest, signal: AbortSignal): Promise<number> {
  const [id] = programsOf(request.instance, request.program)
  if (id === undefined) throw unknownProgram(request.instance, request.program ?? '')
  const node = nodeOf(request.instance)
  const nodes = await beside.openNodes()
  if (!(await nodes.isHere(node))) return await remoteExec(nodes, request, id.program, signal)
  const { command, tty, stdin, streams } = request
  const reader = await beside.openReader(node)
  if (streams === undefined) return await reader.exec(id, { command, tty, stdin }, signal)
  return await whileWritable([streams.stdout, streams.stderr], signal, (both) =>
    reader.exec(id, { command, tty, stdin, streams }, both),
  )
}

export async function connectTo(
  beside: Beside,
  request: ConnectRequest,
  signal: AbortSignal,
): Promise<Duplex> {
  const nodes = await beside.openNodes()
  if (!(await nodes.isHere(nodeOf(request.instance)))) return await remoteConnect(nodes, request, signal)
  const port = portOf(request)
  const { EventEmitter } = await import('node:events')
  const { connect } = await import('node:net')
  let refusal: unknown
  for (const host of ['127.0.0.1', '::1']) {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
    try {
      await EventEmitter.once(socket, 'connect', { signal })
      return socket
    } catch (error) {
      socket.destroy()
      signal.throwIfAborted()
      refusal ??= error
    }
  }
  throw new NsctlError('Unreachable', `nothing answers at port ${port} of this machine`, { cause: refusal })
}

function nodeOf({ spec }: AnyResource): string {
  return (spec as unknown as InstanceFields).node
}

/** The number of a port that an instance has. @throws NsctlError NotFound */
export function portOf({ instance, port }: ConnectRequest): number {
  const { ports = [] } = (instance.status ?? {}) as {
    readonly ports?: readonly { name: string; port: number }[]
  }
  const found = ports.find((one) => one.name === port || one.port === Number(port))
  if (found !== undefined) return found.port
  const said = ports.map((one) => `${one.name} (${one.port})`).join(', ')
  throw new NsctlError('NotFound', `instance/${instance.metadata.name} has no port ${port}`, {
    value: port,
    next: said === '' ? 'it has none' : `it has ${said}`,
  })
}

/** The programs of an instance: all of them, or the one that is named. */
function programsOf(instance: AnyResource, program: string | undefined): readonly ProgramId[] {
  const spec = instance.spec as unknown as InstanceFields
  const names = spec.template?.programs?.map((one) => one.name) ?? ['']
  if (program !== undefined && !names.includes(program)) throw unknownProgram(instance, program)
  return names
    .filter((name) => program === undefined || name === program)
    .map((name) => ({
      namespace: instance.metadata.namespace ?? '',
      service: spec.service,
      templateHash: spec.templateHash,
      ordinal: spec.ordinal,
      program: name,
    }))
}

function unknownProgram(instance: AnyResource, program: string): NsctlError {
  const names = (instance.spec as unknown as InstanceFields).template?.programs?.map((one) => one.name) ?? []
  return new NsctlError(
    'NotFound',
    `instance/${instance.metadata.name} has no program ${JSON.stringify(program)}`,
    {
      value: program,
      next:
        names.length === 0 ? 'it has one program without a name: leave -c out' : `it has ${names.join(', ')}`,
    },
  )
}

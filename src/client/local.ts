/** The client over the api in this process: commands commit to the store themselves and the daemon hears of it there. */
import type { ResourceApi } from '../api/api.ts'
import { NsctlError } from '../core/errors.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import type { ProgramId, RuntimeReader } from '../runtimes/runtime.ts'
import type { HistoryReader } from '../telemetry/history/history.ts'
import type { Client, DaemonState, ExecRequest, LogEntry, LogRequest } from './client.ts'
import { Confluence } from './confluence.ts'

export interface LocalClientOptions {
  readonly api: ResourceApi
  readonly storeUrl: string
  readonly daemon: () => Promise<DaemonState>
  /** What reads logs and runs commands beside programs on this machine; opened with the first use. */
  readonly openReader: () => Promise<RuntimeReader>
  /** What was decided and measured; opened with the first use. */
  readonly openHistory: () => Promise<HistoryReader>
  /** Frees the store. */
  readonly close: () => Promise<void>
}

/** The ResourceReader and ResourceEditor parts are the api's own; the rest is of this machine. */
export function createLocalClient(options: LocalClientOptions): Client {
  const { api } = options
  let history: Promise<HistoryReader> | undefined
  return {
    get kinds() {
      return api.kinds
    },
    storeUrl: options.storeUrl,
    daemon: options.daemon,
    refreshKinds: () => api.refreshKinds(),
    get: (ref) => api.get(ref),
    list: (kind, scope) => api.list(kind, scope),
    listAll: (kinds, scope) => api.listAll(kinds, scope),
    watch: (kinds, from, signal, scope) => api.watch(kinds, from, signal, scope),
    history: (ref) => api.history(ref),
    audit: (query) => api.audit(query),
    apply: (manifests, how) => api.apply(manifests, how),
    create: (manifest, how) => api.create(manifest, how),
    replace: (object, how) => api.replace(object, how),
    patch: (ref, type, patch, how) => api.patch(ref, type, patch, how),
    scale: (ref, replicas, how) => api.scale(ref, replicas, how),
    rollback: (ref, how) => api.rollback(ref, how),
    delete: (ref, how) => api.delete(ref, how),
    trustNode: (name, choose, how) => api.trustNode(name, choose, how),
    logs: (request, signal) => readLogs(options, request, signal),
    exec: (request, signal) => runBeside(options, request, signal),
    async scalerHistory(query) {
      history ??= options.openHistory()
      return (await history).list(query)
    },
    resolveInstance: (ref) => resolveInstance(api, ref),
    async close() {
      await api.flush()
      await options.close()
    },
  }
}

interface InstanceFields {
  readonly service: string
  readonly templateHash: string
  readonly ordinal: number
  readonly template?: { readonly programs?: readonly { readonly name: string }[] }
}

async function* readLogs(
  options: LocalClientOptions,
  request: LogRequest,
  signal: AbortSignal,
): AsyncIterable<LogEntry> {
  const programs = request.instances.flatMap((instance) =>
    programsOf(instance, request.program).map((id) => ({ id, instance: instance.metadata.name })),
  )
  if (programs.length === 0) return
  const reader = await options.openReader()
  const { tail, sinceMs, follow, previous } = request
  const streams = programs.map(({ id, instance }) =>
    entriesOf(instance, reader.logs(id, { tail, sinceMs, follow, previous } as never, signal)),
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

async function runBeside(
  options: LocalClientOptions,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<number> {
  const [id] = programsOf(request.instance, request.program)
  if (id === undefined) throw unknownProgram(request.instance, request.program ?? '')
  const { command, tty, stdin } = request
  return (await options.openReader()).exec(id, { command, tty, stdin }, signal)
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

/** By full name, else `web-0`: the instance of that ordinal that is not on its way out, the newest of several. */
async function resolveInstance(api: ResourceApi, ref: ObjectRef): Promise<AnyResource | undefined> {
  const kind = api.kinds.byKind('Instance')
  const { items } = await api.list(kind, ref.namespace === undefined ? {} : { namespace: ref.namespace })
  const exact = items.find((item) => item.metadata.name === ref.name)
  if (exact !== undefined) return exact
  const ofOrdinal = items.filter((item) => {
    const spec = item.spec as unknown as InstanceFields
    return `${spec.service}-${spec.ordinal}` === ref.name
  })
  const age = (item: AnyResource) =>
    `${item.metadata.deletionTimestamp === undefined}${item.metadata.creationTimestamp}`
  return ofOrdinal.toSorted((a, b) => (age(a) < age(b) ? 1 : -1))[0]
}

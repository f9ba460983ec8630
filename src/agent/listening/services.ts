/** What this node's agent does for callers on other machines: beside its own Instances, and nothing of the machine besides. */
import type { ResourceApi } from '../../api/api.ts'
import type { Caller } from '../../core/caller.ts'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { InstanceRef, LogRecord, LogsQuestion, NodeServices } from '../../listener/services.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { ProgramId, RuntimeReader } from '../../runtimes/runtime.ts'
import type { Scrapes } from '../../telemetry/scrapes.ts'
import { orAborted } from '../../transport/abort.ts'
import { programIds } from '../instance/specs.ts'
import type { Dial } from '../surroundings.ts'
import { connectTo } from './connect.ts'

export interface ServicesOptions {
  readonly node: string
  readonly api: Pick<ResourceApi, 'recordEvent'>
  readonly cache: ObjectCache
  readonly runtime: RuntimeReader
  readonly clock: Clock
  readonly logger: Logger
  readonly scrapes: Scrapes
  /** Where its instances are reached, beside loopback. */
  readonly addresses: readonly string[]
  readonly dial: Dial
}

export function nodeServices(options: ServicesOptions): NodeServices {
  const { runtime, scrapes, addresses } = options
  const recorder = new Recorder(options)
  return {
    async metrics({ namespace, name }, names) {
      if (namespace !== undefined)
        throw new NsctlError(
          'Denied',
          `${name} reaches namespace ${namespace} only, and metrics are of the whole node`,
        )
      return await scrapes.read(names)
    },
    logs: (caller, question, signal) => readLogs(options, caller, question, signal),
    async exec(caller, question, streams, signal) {
      const instance = await instanceOf(options, caller, question, signal)
      const id = programOf(instance, question.program)
      const { command, stdin, terminal } = question
      await recorder.tell(caller, instance, 'Exec', `ran ${command[0]} beside it`)
      const how = { command, stdin, tty: terminal !== undefined, streams }
      return await runtime.exec(id, how, signal)
    },
    async connect(caller, question, signal) {
      const instance = await instanceOf(options, caller, question, signal)
      const port = portOf(instance, question.port)
      await recorder.tellOnce(caller, instance, 'PortForward', `forwards connections to its port ${port}`)
      return await connectTo(options.dial, ['127.0.0.1', '::1', ...addresses], port, signal)
    },
  }
}

/** @throws NsctlError NotFound, Denied */
async function instanceOf(
  { node, cache }: ServicesOptions,
  caller: Caller,
  { namespace, instance: name }: InstanceRef,
  signal: AbortSignal,
): Promise<Instance> {
  if (caller.role !== 'operator') throw new NsctlError('Denied', 'that is for operators')
  if (caller.namespace !== undefined && caller.namespace !== namespace)
    throw new NsctlError(
      'Denied',
      `${caller.name} reaches namespace ${caller.namespace} only, not ${namespace}`,
    )
  // an agent that has just begun does not know yet what it has
  await orAborted(cache.synced, signal)
  const found = cache.get<Instance>({ kind: 'Instance', namespace, name })
  if (found?.spec.node === node) return found
  throw new NsctlError('NotFound', `it has no instance/${name} in namespace ${namespace}`, { value: name })
}

/** The one that is named, or the first. @throws NsctlError NotFound */
function programOf(instance: Instance, program: string | undefined): ProgramId {
  const found = programIds(instance).find((id) => program === undefined || id.program === program)
  if (found !== undefined) return found
  throw new NsctlError(
    'NotFound',
    `instance/${instance.metadata.name} has no program ${JSON.stringify(program)}`,
  )
}

/** The machine's other ports are none of an Instance's. @throws NsctlError NotFound */
function portOf({ metadata, status }: Instance, wanted: string | number): number {
  const ports = status?.ports ?? []
  const found = ports.find(({ name, port }) => name === wanted || port === Number(wanted))
  if (found !== undefined) return found.port
  const said = ports.map(({ name, port }) => `${name} (${port})`).join(', ')
  throw new NsctlError('NotFound', `instance/${metadata.name} has no port ${wanted}`, {
    value: wanted,
    next: said === '' ? 'it has none' : `it has ${said}`,
  })
}

async function* readLogs(
  options: ServicesOptions,
  caller: Caller,
  question: LogsQuestion,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const { program, tail, sinceMs, follow, previous } = question
  const how = {
    ...(tail === undefined ? {} : { tail }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(follow === undefined ? {} : { follow }),
    ...(previous === undefined ? {} : { previous }),
  }
  const id = programOf(await instanceOf(options, caller, question, signal), program)
  for await (const { id: _, ...line } of options.runtime.logs(id, how, signal)) yield line
}

/** Who keeps a port forwarded opens connections all the time. */
const TOLD_AGAIN_MS = 60_000
const MAX_TOLD = 1_000

/** Who did what: in the node's log for good, and as an Event for who looks at the Instance. Without a command's words: they may be secret. */
class Recorder {
  readonly #options: ServicesOptions
  /** What was told → when. */
  readonly #told = new Map<string, number>()

  constructor(options: ServicesOptions) {
    this.#options = options
  }

  async tell({ name }: Caller, { metadata }: Instance, reason: string, what: string): Promise<void> {
    const { api, logger, node } = this.#options
    const { namespace = '', name: instance } = metadata
    const message = `${name} ${what}`
    logger.log('info', message, { namespace, instance, reason })
    const about = { kind: 'Instance', namespace, name: instance }
    await api.recordEvent({ about, type: 'Normal', reason, message, source: `agent ${node}` })
  }

  /** Not again within a minute. */
  async tellOnce(caller: Caller, instance: Instance, reason: string, what: string): Promise<void> {
    const key = `${caller.name} ${instance.metadata.uid} ${reason} ${what}`
    const nowMs = this.#options.clock.monotonic()
    if (nowMs - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return
    if (this.#told.size >= MAX_TOLD) this.#told.clear()
    this.#told.set(key, nowMs)
    await this.tell(caller, instance, reason, what)
  }
}

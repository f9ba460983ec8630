/** A command line in this process, over the real api and a store in memory; what runs programs is scripted. */

import { join } from 'node:path'
import { openApi } from '../../src/api/open.ts'
import type { DaemonState } from '../../src/client/client.ts'
import { createLocalClient } from '../../src/client/local.ts'
import { noOtherNodes } from '../../src/client/remote.ts'
import { runCli } from '../../src/commands/cli.ts'
import type { CommandContext, Output } from '../../src/commands/context.ts'
import { systemClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { Json } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import type {
  ExecOptions,
  LogLine,
  LogOptions,
  ProgramId,
  RuntimeReader,
} from '../../src/runtimes/runtime.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { MemoryHistory } from '../../src/telemetry/history/memory.ts'
import type { NodeUsage } from '../../src/telemetry/scrape/usage.ts'

const apiVersion = 'nsctl.dev/v1alpha1'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly isTerminal?: boolean
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly signal?: AbortSignal
  /** Called with everything that was written so far, after each write to standard output. */
  readonly onOutput?: (stdout: string) => void
}

export type Shop = Awaited<ReturnType<typeof openShop>>

/** An empty shop: namespace default, no daemon. */
export async function openShop() {
  const api = await openApi({ store: createMemoryStore(), clock: systemClock, ids: randomIds })
  const lines = new Map<string, LogLine[]>()
  const usage = new Map<string, NodeUsage>()
  const asked: string[][] = []
  const execs: { id: ProgramId; options: ExecOptions }[] = []
  const logRequests: LogOptions[] = []
  const history = new MemoryHistory(systemClock)
  let daemon: DaemonState = { running: false }
  let storeUrl = 'memory:'
  let exitCode = 0
  const reader: RuntimeReader = {
    async *logs(id, options, signal) {
      logRequests.push(options)
      const name = `${id.service}-${id.ordinal}`
      const mine = (id.program === '' ? lines.get(name) : lines.get(`${name}/${id.program}`)) ?? []
      for (const line of options.tail === undefined ? mine : mine.slice(-options.tail)) yield { ...line, id }
      if (options.follow)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
    async exec(id, options) {
      execs.push({ id, options })
      return exitCode
    },
  }
  const openClient = () =>
    createLocalClient({
      api,
      storeUrl,
      daemon: async () => daemon,
      openNodes: async () => noOtherNodes(),
      openReader: async () => reader,
      openHistory: async () => history,
      openUsage: async () => ({
        look: async (nodes) => {
          asked.push(nodes.map(({ metadata }) => metadata.name))
          return new Map(
            nodes.map(({ metadata: { name } }) => [name, usage.get(name) ?? { trouble: 'not scripted' }]),
          )
        },
        close() {},
      }),
      close: async () => {},
    })

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const written = { stdout: '', stderr: '' }
    const output = (name: 'stdout' | 'stderr'): Output => ({
      isTTY: options.isTerminal === true,
      columns: 80,
      write(text) {
        written[name] += text
        if (name === 'stdout') options.onOutput?.(written.stdout)
      },
      writeBytes(bytes) {
        written[name] += Buffer.from(bytes).toString('latin1')
      },
    })
    const context: CommandContext = {
      stdout: output('stdout'),
      stderr: output('stderr'),
      readStdin: async () => Buffer.from(options.stdin ?? ''),
      // whoever runs the tests may have contexts
      env: { NSCTL_CONFIG: join(import.meta.dirname, 'no-config'), ...options.env },
      cwd: import.meta.dirname,
      clock: systemClock,
      signal: options.signal ?? new AbortController().signal,
      version: '0.0.0',
      userName: 'ada',
      openClient: async () => openClient(),
    }
    return { code: await runCli(argv, context), ...written }
  }

  return {
    api,
    history,
    run,
    execs,
    logRequests,
    setDaemon(state: DaemonState) {
      daemon = state
    },
    setStoreUrl(url: string) {
      storeUrl = url
    },
    setExitCode(code: number) {
      exitCode = code
    },
    /** What a node says that it and its instances use. */
    setUsage(node: string, said: NodeUsage) {
      usage.set(node, said)
    },
    /** The nodes that were asked, each time. */
    asked,
    /** What instance `web-0`, or its program `web-0/api`, has written. */
    setLog(instance: string, texts: readonly (readonly [atMs: number, text: string])[]) {
      const id = { namespace: 'default', service: '', templateHash: '', ordinal: 0, program: '' }
      lines.set(
        instance,
        texts.map(([atMs, text]) => ({ id, atMs, stream: 'stdout', text })),
      )
    },
    async apply(object: Record<string, unknown>) {
      const manifest = { object: { apiVersion, ...object } as unknown as AnyResource, source: 'test.yaml' }
      const { results } = await api.apply([manifest], { actor: { name: 'ada', from: 'file test.yaml' } })
      return results[0]!
    },
    /** What a controller would say. */
    setStatus: (kind: string, name: string, status: Json) =>
      api.updateStatus(kind === 'Node' ? { kind, name } : { kind, namespace: 'default', name }, status),
    async addInstance(
      service: string,
      ordinal: number,
      suffix: string,
      labels: Record<string, string> = {},
      template: Json = {},
    ) {
      const name = `${service}-${ordinal}-${suffix}`
      await api.createOwned([
        {
          apiVersion,
          kind: 'Instance',
          metadata: { name, namespace: 'default', labels },
          spec: { service, ordinal, node: 'here', templateHash: 'h3kq9x2mzc', attempt: 0, template },
        } as unknown as AnyResource,
      ])
      await api.updateStatus(
        { kind: 'Instance', namespace: 'default', name },
        { phase: 'Running', ready: true },
      )
      return name
    },
  }
}

/** The manifest of a service. */
export function service(name: string, spec: Record<string, unknown> = {}, labels?: Record<string, string>) {
  return {
    kind: 'Service',
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec: { replicas: 2, template: { source: { command: ['/bin/true'] } }, ...spec },
  }
}

/** A status that says: as wanted. */
export function rolledOut(generation: number, more: Record<string, Json> = {}): Json {
  return {
    observedGeneration: generation,
    replicas: 2,
    readyReplicas: 2,
    updatedReplicas: 2,
    conditions: [
      { type: 'Ready', status: 'True', reason: 'EnoughReady', lastTransitionTime: '2026-01-31T12:00:00Z' },
      {
        type: 'Progressing',
        status: 'False',
        reason: 'Complete',
        lastTransitionTime: '2026-01-31T12:00:00Z',
      },
    ],
    ...more,
  }
}

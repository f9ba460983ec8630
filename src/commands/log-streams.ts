/** Lines of several instances as one stream. */
import type { Client, LogEntry, LogRequest } from '../client/client.ts'
import { Confluence, type Put } from '../client/confluence.ts'
import { follow } from '../client/follow.ts'
import { isNsctlError, messageOf } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'
import { mapsAt, textAt } from '../views/fields.ts'

type Request = Omit<LogRequest, 'instances' | 'follow'>

/** The programs to read: those of a group one by one, so that their lines can be put in order. */
export function programNames(
  instance: AnyResource,
  chosen: string | undefined,
): readonly (string | undefined)[] {
  if (chosen !== undefined) return [chosen]
  const names = mapsAt(instance, 'spec.template.programs').map((program) => textAt(program, 'name'))
  return names.length === 0 ? [undefined] : names
}

/** What is there, in order of time over all instances and programs; lines without a time stand behind the one before them. */
export async function* pastLines(
  client: Client,
  instances: readonly AnyResource[],
  request: Request,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const streams = instances.flatMap((instance) =>
    programNames(instance, request.program).map((program) => {
      const one = { ...request, instances: [instance], ...(program === undefined ? {} : { program }) }
      return client.logs(one, signal)[Symbol.asyncIterator]()
    }),
  )
  const lost: unknown[] = []
  const nextOf = (stream: AsyncIterator<LogEntry>): Promise<IteratorResult<LogEntry>> =>
    stream.next().catch((error: unknown) => {
      if (streams.length === 1 || !isNsctlError(error, 'Unreachable')) throw error
      request.onNotice?.(messageOf(error))
      lost.push(error)
      return { done: true, value: undefined }
    })
  const heads = await Promise.all(
    streams.map(async (stream) => ({ stream, atMs: 0, next: await nextOf(stream) })),
  )
  for (;;) {
    const open = heads.filter((head) => head.next.done !== true)
    for (const head of open) head.atMs = (head.next.value as LogEntry).atMs ?? head.atMs
    const first = open.sort((a, b) => a.atMs - b.atMs)[0]
    if (first === undefined) break
    yield first.next.value as LogEntry
    first.next = await nextOf(first.stream)
  }
  // what could be had was shown
  if (lost.length > 0) throw lost[0]
}

export interface FollowedServices {
  readonly namespace: string
  /** Instances of these services that come later are followed too: a rollout replaces those that are there. */
  readonly isWanted: (instance: AnyResource) => boolean
}

/** What is there and what comes, as it comes, until the signal aborts. */
export async function* liveLines(
  client: Client,
  instances: readonly AnyResource[],
  request: Request,
  signal: AbortSignal,
  services?: FollowedServices,
): AsyncGenerator<LogEntry> {
  const ended = new AbortController()
  const inner = AbortSignal.any([signal, ended.signal])
  const lines = new Confluence<LogEntry>()
  const add = (source: (put: Put<LogEntry>) => Promise<void>) =>
    lines.add((put) =>
      source(put).catch((error: unknown) => {
        if (!inner.aborted) throw error
      }),
    )
  const known = new Set<string>()
  const start = (instance: AnyResource, from: Request) => {
    const id = instance.metadata.uid ?? instance.metadata.name
    if (known.has(id)) return
    known.add(id)
    add(async (put) => {
      for await (const entry of client.logs({ ...from, follow: true, instances: [instance] }, inner))
        await put(entry)
    })
  }
  for (const instance of instances) start(instance, request)
  if (services !== undefined)
    add(async () => {
      const kinds = [client.kinds.byKind('Instance')]
      // what a newcomer has written is all of it new: no tail
      for await (const { changes } of follow(client, kinds, inner, { namespace: services.namespace }))
        for (const change of changes)
          if (change.kind === 'put' && services.isWanted(change.object) && isStarted(change.object))
            start(change.object, laterOf(request))
    })
  try {
    for await (const entry of lines.values()) {
      if (signal.aborted) return
      yield entry
    }
  } finally {
    ended.abort()
  }
}

function laterOf({ program, onNotice }: Request): Request {
  return { ...(program === undefined ? {} : { program }), ...(onNotice && { onNotice }) }
}

/** Before its start there is no log to read. */
function isStarted(instance: AnyResource): boolean {
  const phase = textAt(instance, 'status.phase')
  return phase !== undefined && phase !== 'Pending'
}

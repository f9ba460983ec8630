/** `get -w`: what is there, then a row or a document for every change. */
import type { ResourceChange } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { follow, followKey } from '../client/follow.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import { printObjects } from '../views/output.ts'
import { createRowWriter, type RowWriter } from '../views/watch-rows.ts'
import type { CommandContext } from './context.ts'
import type { GetRequest } from './get-request.ts'
import { refOf } from './targets.ts'

export interface WatchOptions {
  /** Leave out what is there at the beginning. */
  readonly onlyChanges: boolean
  readonly context: CommandContext
}

/** Runs until Ctrl-C; resolves to the exit code. What is deleted is shown once more as it last was. */
export async function watchObjects(
  client: Client,
  request: GetRequest,
  options: WatchOptions,
): Promise<number> {
  const { context } = options
  const kinds = [...new Set([...request.targets.kinds, ...request.targets.objects.map(({ kind }) => kind)])]
  const scope = request.allNamespaces ? {} : { namespace: request.namespace }
  const isWanted = filterOf(request)
  const show = printerOf(kinds, request, context)
  const last = new Map<string, AnyResource>()
  let isFirst = true
  for await (const { changes } of follow(client, kinds, context.signal, scope)) {
    const shown = changes.flatMap((change) => objectOf(change, last, isWanted))
    if (!(isFirst && options.onlyChanges)) context.stdout.write(await show(shown))
    isFirst = false
  }
  return context.signal.aborted ? 130 : 0
}

function objectOf(
  change: ResourceChange,
  last: Map<string, AnyResource>,
  isWanted: (object: AnyResource) => boolean,
): readonly AnyResource[] {
  const key = followKey(change.ref)
  const before = last.get(key)
  if (change.kind === 'delete') {
    last.delete(key)
    return before === undefined ? [] : [before]
  }
  if (!isWanted(change.object)) return []
  last.set(key, change.object)
  return [change.object]
}

function filterOf(request: GetRequest): (object: AnyResource) => boolean {
  const { objects } = request.targets
  if (objects.length === 0) return request.matches
  const names = new Set(objects.map((target) => followKey(refOf(target, request.namespace))))
  return ({ kind, metadata }) =>
    names.has(
      followKey({ kind, name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) }),
    )
}

function printerOf(
  kinds: readonly Kind[],
  request: GetRequest,
  context: CommandContext,
): (objects: readonly AnyResource[]) => Promise<string> {
  const { format } = request
  const isTable = format.kind === 'table' || format.kind === 'wide'
  const now = () => context.clock.now()
  const writers = new Map<string, RowWriter>()
  for (const kind of isTable ? kinds : []) {
    writers.set(
      kind.kind,
      createRowWriter(kind, {
        now,
        wide: format.kind === 'wide',
        showNamespace: request.allNamespaces,
        showKind: request.showKind || kinds.length > 1,
        showLabels: request.showLabels,
        labelColumns: request.labelColumns,
        noHeaders: request.noHeaders,
      }),
    )
  }
  return async (objects) => {
    let text = ''
    if (isTable) {
      for (const kind of kinds)
        text += writers.get(kind.kind)?.rows(objects.filter((object) => object.kind === kind.kind)) ?? ''
      return text
    }
    for (const object of objects) {
      const kind = kinds.find((one) => one.kind === object.kind)
      if (kind === undefined) continue
      const document = await printObjects([{ kind, items: [object] }], { format, nowMs: now(), single: true })
      text += format.kind === 'yaml' ? `---\n${document}` : document
    }
    return text
  }
}

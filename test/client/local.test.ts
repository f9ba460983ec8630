import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../src/api/open.ts'
import type { Client, LogEntry, LogRequest } from '../../src/client/client.ts'
import { createLocalClient } from '../../src/client/local.ts'
import { noOtherNodes } from '../../src/client/remote.ts'
import { systemClock } from '../../src/core/clock.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { type ProgramId, programKey, type RuntimeReader } from '../../src/runtimes/runtime.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'

/** Lines by program; a program without any waits for the signal, as one does that is followed and silent. */
function fakeReader(
  lines: Readonly<Record<string, readonly string[] | Error>>,
): RuntimeReader & { ended: string[] } {
  const ended: string[] = []
  return {
    ended,
    async *logs(id, _, signal) {
      const own = lines[`${id.service}-${id.ordinal}/${id.program}`]
      try {
        if (own instanceof Error) throw own
        for (const text of own ?? []) yield { id, stream: 'stdout', text }
        if (own === undefined && !signal.aborted)
          await new Promise((settle) => signal.addEventListener('abort', settle))
      } finally {
        ended.push(`${id.service}-${id.ordinal}`)
      }
    },
    exec: async (id, { command }) => (command[0] === programKey(id) ? 7 : 1),
  }
}

function instance(name: string, ordinal: number, more: Record<string, unknown> = {}): AnyResource {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Instance',
    metadata: { name, namespace: 'default' },
    spec: {
      service: 'web',
      ordinal,
      node: 'alpha',
      templateHash: 'h3kq9x2mzc',
      attempt: 0,
      template: { source: { command: ['node'] } },
      ...more,
    },
  } as AnyResource
}

const group = { template: { programs: [{ name: 'app' }, { name: 'log' }] } }

async function withClient(
  reader: RuntimeReader,
  instances: readonly AnyResource[],
  run: (client: Client) => Promise<void>,
): Promise<void> {
  const store = createMemoryStore()
  const api = await openApi({ store, clock: systemClock, ids: randomIds })
  await api.createOwned(instances)
  const client = createLocalClient({
    api,
    storeUrl: store.url,
    daemon: async () => ({ running: false }),
    openNodes: async () => noOtherNodes(),
    openReader: async () => reader,
    openHistory: async () => ({ list: async () => [] }),
    openUsage: async () => ({ look: async () => new Map(), close() {} }),
    close: () => store.close(),
  })
  try {
    await run(client)
  } finally {
    await client.close()
  }
}

async function collect(lines: AsyncIterable<LogEntry>, limit = 100): Promise<readonly string[]> {
  const texts: string[] = []
  for await (const { instance, program, text } of lines) {
    texts.push(`${instance}${program && `/${program}`} ${text}`)
    if (texts.length === limit) break
  }
  return texts
}

const never = new AbortController().signal
const request = (instances: readonly AnyResource[], more: Partial<LogRequest> = {}): LogRequest => ({
  instances,
  ...more,
})

test('logs of several instances come one after the other', async () => {
  const [a, b] = [instance('web-0-aaaaa', 0), instance('web-1-bbbbb', 1)]
  const reader = fakeReader({ 'web-0/': ['1', '2'], 'web-1/': ['3'] })
  await withClient(reader, [], async (client) => {
    assert.equal(await collect(client.logs(request([a, b]), never)), [
      'web-0-aaaaa 1',
      'web-0-aaaaa 2',
      'web-1-bbbbb 3',
    ])
  })
})

test('followed logs come as they come: a silent instance holds up no other', async () => {
  const [silent, loud] = [instance('web-0-aaaaa', 0), instance('web-1-bbbbb', 1)]
  const reader = fakeReader({ 'web-1/': ['1', '2'] })
  const stop = new AbortController()
  await withClient(reader, [], async (client) => {
    const lines = client.logs(request([silent, loud], { follow: true }), stop.signal)
    assert.equal(await collect(lines, 2), ['web-1-bbbbb 1', 'web-1-bbbbb 2'])
  })
  stop.abort()
  await new Promise((settle) => setImmediate(settle))
  assert.equal(reader.ended.sort(), ['web-0', 'web-1'])
})

test('followed logs run no further ahead of a slow reader than some hundred lines', async () => {
  let written = 0
  const reader: RuntimeReader = {
    async *logs(id) {
      while (written < 10_000) {
        await new Promise((resolve) => setImmediate(resolve))
        yield { id, stream: 'stdout', text: String(++written) }
      }
    },
    exec: async () => 0,
  }
  await withClient(reader, [], async (client) => {
    const instances = [instance('web-0-aaaaa', 0), instance('web-1-bbbbb', 1)]
    const lines = client.logs(request(instances, { follow: true }), never)[Symbol.asyncIterator]()
    const texts = [(await lines.next()).value.text]
    for (let turn = 0; turn < 3_000; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(written > 100 && written < 1_000, `${written} lines ahead`)
    while (texts.length < 2_000) texts.push((await lines.next()).value.text)
    assert.equal(
      texts.toSorted((a, b) => a - b),
      texts.map((_, index) => String(index + 1)),
      'a line is missing',
    )
    await lines.return?.()
  })
})

test('followed logs end with the signal', async () => {
  const stop = new AbortController()
  await withClient(fakeReader({}), [], async (client) => {
    const lines = collect(client.logs(request([instance('web-0-aaaaa', 0)], { follow: true }), stop.signal))
    stop.abort()
    assert.equal(await lines, [])
  })
})

test('a stream that fails ends followed logs with its error, after what came before', async () => {
  const reader = fakeReader({ 'web-0/': new Error('journal gone') })
  await withClient(reader, [], async (client) => {
    const instances = [instance('web-0-aaaaa', 0), instance('web-1-bbbbb', 1)]
    const failure = await collect(client.logs(request(instances, { follow: true }), never)).catch(
      (error) => error,
    )
    assert.is(failure.message, 'journal gone')
  })
})

test('the programs of a group: all, one, or none of that name', async () => {
  const one = instance('web-0-aaaaa', 0, group)
  const reader = fakeReader({ 'web-0/app': ['a'], 'web-0/log': ['l'] })
  await withClient(reader, [], async (client) => {
    assert.equal(await collect(client.logs(request([one]), never)), [
      'web-0-aaaaa/app a',
      'web-0-aaaaa/log l',
    ])
    assert.equal(await collect(client.logs(request([one], { program: 'log' }), never)), ['web-0-aaaaa/log l'])
    const failure = await collect(client.logs(request([one], { program: 'nope' }), never)).catch(
      (error) => error,
    )
    assert.ok(isNsctlError(failure, 'NotFound'))
    assert.is(failure.next, 'it has app, log')
  })
})

test('exec runs beside the program that is meant', async () => {
  const id: ProgramId = {
    namespace: 'default',
    service: 'web',
    templateHash: 'h3kq9x2mzc',
    ordinal: 0,
    program: 'app',
  }
  await withClient(fakeReader({}), [], async (client) => {
    const how = { tty: false, stdin: false, command: [programKey(id)] } as const
    assert.is(await client.exec({ ...how, instance: instance('web-0-aaaaa', 0, group) }, never), 7)
    assert.is(
      await client.exec({ ...how, instance: instance('web-0-aaaaa', 0, group), program: 'log' }, never),
      1,
    )
  })
})

test('resolveInstance: by name, by ordinal, and none', async () => {
  const instances = [instance('web-0-aaaaa', 0), instance('web-1-bbbbb', 1), instance('web-10-ccccc', 10)]
  await withClient(fakeReader({}), instances, async (client) => {
    const find = async (name: string) =>
      (await client.resolveInstance({ kind: 'Instance', namespace: 'default', name }))?.metadata.name
    assert.is(await find('web-0-aaaaa'), 'web-0-aaaaa')
    assert.is(await find('web-1'), 'web-1-bbbbb')
    assert.is(await find('web-10'), 'web-10-ccccc')
    assert.is(await find('web-2'), undefined)
    assert.is(await find('web'), undefined)
  })
})

test.run()

import { EventEmitter } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { render } from 'ink'
import { createElement } from 'react'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Client } from '../../src/client/client.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createChangeLines } from '../../src/views/plain-watch.ts'
import { App } from '../../src/views/tui/app.ts'
import { type Line, widthOf } from '../../src/views/tui/lines.ts'
import { allocate, type ScreenInput, screenLines } from '../../src/views/tui/screen.ts'
import { createSession, type Session } from '../../src/views/tui/session.ts'
import { type KeyPress, onKey, type TuiState } from '../../src/views/tui/state.ts'
import type { WatchSnapshot } from '../../src/views/watch-feed.ts'
import { clock, events, instances, kinds, mail, nowMs, volumes, web } from './fixtures.ts'
import { matchesGolden } from './golden.ts'
import { decision, scaler } from './scaler-fixtures.ts'

const snapshot: WatchSnapshot = {
  services: [web, mail],
  instances,
  events,
  namespaces: ['default', 'shop'],
  scalers: [],
  storeUrl: 'sqlite:/home/ada/.local/state/nsctl/store.db',
  daemon: { running: true, pid: 4711, runtime: 'process' },
  outage: undefined,
  isLoaded: true,
}
const atStart: TuiState = { mode: { kind: 'list' }, namespace: 'shop', filter: '', selected: undefined }
const size = { columns: 80, rows: 24 }

function screen(more: Partial<ScreenInput>): readonly Line[] {
  return screenLines({ snapshot, state: atStart, size, nowMs, pane: [], notice: undefined, ...more })
}

function textOf(lines: readonly Line[]): string {
  return `${lines
    .map((line) =>
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
    .join('\n')}\n`
}

for (const c of [
  { name: 'main', input: {} },
  { name: 'wide', input: { size: { columns: 120, rows: 30 }, state: { ...atStart, namespace: undefined } } },
  {
    name: 'outage',
    input: {
      snapshot: { ...snapshot, outage: { sinceMs: nowMs - 12_000, message: 'database is locked' } },
    },
  },
  {
    name: 'scaled',
    input: {
      snapshot: {
        ...snapshot,
        scalers: [{ ...scaler, status: { ...scaler.status, decidedBy: 'rabbitmq/orders 1,310 ÷ 200' } }],
      },
    },
  },
  { name: 'no daemon', input: { snapshot: { ...snapshot, daemon: { running: false } } } },
  {
    name: 'empty',
    input: { snapshot: { ...snapshot, services: [], instances: [], events: [] } },
  },
  {
    name: 'scale',
    input: { state: { ...atStart, selected: 'shop/web', mode: { kind: 'scale', replicas: 5 } } },
  },
  { name: 'undo', input: { state: { ...atStart, mode: { kind: 'confirm', what: 'undo' } } } },
  { name: 'filter', input: { state: { ...atStart, filter: 'ai', mode: { kind: 'filter' } } } },
  { name: 'namespaces', input: { state: { ...atStart, mode: { kind: 'namespaces', at: 2 } } } },
  { name: 'help', input: { state: { ...atStart, mode: { kind: 'help' } } } },
  {
    name: 'pane',
    input: {
      state: { ...atStart, selected: 'shop/web', mode: { kind: 'pane', what: 'logs', scroll: 5, shift: 0 } },
      pane: Array.from({ length: 40 }, (_, i) => `[web-0] line ${i}`),
    },
  },
  { name: 'notice', input: { notice: { text: 'web scaled to 3', isError: false } } },
] as readonly { name: string; input: Partial<ScreenInput> }[])
  test(`the screen: ${c.name}`, () => {
    const local = timeless(textOf(screen(c.input)))
    matchesGolden(`tui/${c.name.replaceAll(' ', '-')}.txt`, local)
  })

/** The clock is in local time, which differs between machines. */
function timeless(text: string): string {
  return text.replace(/\d\d:\d\d:\d\d(?=\n)/, 'hh:mm:ss')
}

test('every screen is exactly as large as the terminal', () => {
  const mode = fc.constantFrom<TuiState['mode']>(
    { kind: 'list' },
    { kind: 'help' },
    { kind: 'filter' },
    { kind: 'namespaces', at: 1 },
    { kind: 'scale', replicas: 3 },
    { kind: 'pane', what: 'logs', scroll: 3, shift: 0 },
  )
  const pane = fc.array(fc.string({ maxLength: 200 }), { maxLength: 60 })
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 200 }),
      fc.integer({ min: 6, max: 60 }),
      mode,
      pane,
      (columns, rows, mode, pane) => {
        const many = Array.from({ length: rows }, (_, i) => ({
          ...mail,
          metadata: { ...mail.metadata, name: `日本${i}` },
        }))
        const lines = screen({
          size: { columns, rows },
          state: { ...atStart, mode },
          snapshot: { ...snapshot, services: many as AnyResource[] },
          pane: pane.map((line) => line.replace(/[^\x20-\x7e]/g, '?')),
        })
        assert.is(lines.length, rows)
        for (const line of lines) assert.is(widthOf(line), columns)
      },
    ),
  )
})

test('allocate gives each pane a row at least, what it wants where it can, and uses all of the room', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 80 }), fc.nat(50), fc.nat(50), fc.nat(50), (room, a, b, c) => {
      const wants = [a + 1, b + 1, c + 1] as const
      const given = allocate(room, wants)
      assert.is(given[0] + given[1] + given[2], room)
      assert.ok(given.every((rows) => rows >= 1))
      if (wants[0] + wants[1] + wants[2] <= room) assert.ok(given.every((rows, i) => rows >= wants[i]!))
    }),
  )
})

const context = { services: [mail, web], namespaces: ['default', 'shop'], pane: { height: 10, length: 100 } }
function after(keys: readonly KeyPress[], state = atStart) {
  return keys.reduce((outcome, key) => onKey(outcome.state, key, context), { state } as ReturnType<
    typeof onKey
  >)
}
const press = (text: string): KeyPress[] => [...text].map((input) => ({ input }))
const named = (name: NonNullable<KeyPress['name']>): KeyPress => ({ input: '', name })

for (const c of [
  { name: 'j selects the next', keys: press('j'), state: { selected: 'shop/web' } },
  { name: 'j stops at the last', keys: press('jjjj'), state: { selected: 'shop/web' } },
  { name: 'k goes back', keys: press('jk'), state: { selected: 'shop/mail' } },
  { name: 'arrows do the same', keys: [named('down'), named('up')], state: { selected: 'shop/mail' } },
  { name: 'q quits', keys: press('q'), effect: { kind: 'quit' } },
  {
    name: 'w asks why so many',
    keys: press('w'),
    effect: { kind: 'open', what: 'why', service: mail },
  },
  {
    name: 'enter describes',
    keys: [named('enter')],
    effect: { kind: 'open', what: 'describe', service: mail },
  },
  { name: 'l shows logs', keys: press('jl'), effect: { kind: 'open', what: 'logs', service: web } },
  {
    name: 's and + scale',
    keys: [...press('js++'), named('enter')],
    effect: { kind: 'scale', service: web, replicas: 5 },
  },
  {
    name: '- does not go below 0',
    keys: [...press('s-----'), named('enter')],
    effect: { kind: 'scale', service: mail, replicas: 0 },
  },
  {
    name: 'digits are a number',
    keys: [...press('s'), named('backspace'), ...press('17'), named('enter')],
    effect: { kind: 'scale', service: mail, replicas: 17 },
  },
  {
    name: 'esc leaves the scale',
    keys: [...press('s+'), named('escape')],
    state: { mode: { kind: 'list' } },
  },
  { name: 'r asks first', keys: press('r'), state: { mode: { kind: 'confirm', what: 'restart' } } },
  { name: 'y restarts', keys: press('ry'), effect: { kind: 'restart', service: mail } },
  { name: 'n does not', keys: press('rn'), state: { mode: { kind: 'list' } } },
  { name: 'u and y undo', keys: press('uy'), effect: { kind: 'undo', service: mail } },
  {
    name: '/ filters',
    keys: [...press('/we'), named('backspace'), named('enter')],
    state: { filter: 'w', mode: { kind: 'list' } },
  },
  { name: 'q is a letter in a filter', keys: press('/q'), state: { filter: 'q', mode: { kind: 'filter' } } },
  {
    name: 'esc shows all again',
    keys: [...press('/we'), named('escape')],
    state: { filter: '', mode: { kind: 'list' } },
  },
  { name: 'n chooses a namespace', keys: [...press('nk'), named('enter')], state: { namespace: 'default' } },
  {
    name: 'n and home choose all',
    keys: [...press('n'), named('home'), named('enter')],
    state: { namespace: undefined },
  },
  { name: '? helps, any key goes back', keys: press('?x'), state: { mode: { kind: 'list' } } },
  {
    name: 'a page scrolls',
    keys: [named('enter'), named('pageDown'), ...press('j')],
    state: { mode: { kind: 'pane', what: 'describe', scroll: 11, shift: 0 } },
  },
  {
    name: 'logs open at their end and go back from there',
    keys: press('lk'),
    state: { mode: { kind: 'pane', what: 'logs', scroll: 89, shift: 0 } },
  },
  {
    name: 'logs stick to the end',
    keys: press('lkj'),
    state: { mode: { kind: 'pane', what: 'logs', scroll: Number.MAX_SAFE_INTEGER, shift: 0 } },
  },
  {
    name: 'a page shifts, and not beyond its beginning',
    keys: [named('enter'), named('right'), named('right'), named('left')],
    state: { mode: { kind: 'pane', what: 'describe', scroll: 0, shift: 20 } },
  },
  { name: 'esc closes a pane', keys: [named('enter'), named('escape')], effect: { kind: 'close' } },
])
  test(`keys: ${c.name}`, () => {
    const outcome = after(c.keys)
    if (c.effect !== undefined) assert.equal(outcome.effect, c.effect)
    for (const [key, value] of Object.entries(c.state ?? {}))
      assert.equal(outcome.state[key as keyof TuiState], value)
  })

test('keys do no harm where there is no service', () => {
  for (const input of 'jklsru\r')
    assert.is(onKey(atStart, { input }, { ...context, services: [] }).effect, undefined)
})

/** A client that answers as far as the session asks, and remembers what it was told. */
function scriptedClient() {
  const told: string[] = []
  const client = {
    storeUrl: snapshot.storeUrl,
    kinds,
    get: async () => web,
    history: async () => [],
    listAll: async () => ({ revision: 1, lists: [events, instances, volumes] }),
    async *logs({ instances: [instance] }: { instances: readonly AnyResource[] }) {
      yield { instance: instance?.metadata.name, program: '', stream: 'stdout', text: 'GET /\u001b[2J 200' }
    },
    scale: async (_ref: unknown, replicas: number) => void told.push(`scale ${replicas}`),
    patch: async () => void told.push('restart'),
    rollback: async () => {
      throw new Error('web has no revision before r7')
    },
  } as unknown as Client
  return { client, told }
}

function openSession(client: Client, onQuit = () => {}): Session {
  const session = createSession({ client, clock, userName: 'ada', namespace: 'shop', onQuit })
  session.update(snapshot)
  return session
}

/** Waits until the session's screen shows something. */
async function shows(session: Session, what: RegExp): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const text = textOf(session.lines(size))
    if (what.test(text)) return text
    await new Promise((resolve) => setImmediate(resolve))
  }
  return assert.unreachable(`never showed ${what}:\n${textOf(session.lines(size))}`) as never
}

test('w shows what scales a service, or says that nothing does', async () => {
  const scripted = scriptedClient()
  const client = {
    ...scripted.client,
    get: async ({ kind }: { kind: string }) => (kind === 'ScaledObject' ? scaler : web),
    history: async () => [],
    listAll: async () => ({ revision: 1, lists: [] }),
    scalerHistory: async ({ kind }: { kind: string }) =>
      kind === 'latest' ? [{ content: JSON.parse(JSON.stringify(decision)) }] : [],
  } as unknown as Client
  const session = openSession(client)
  session.press({ input: 'j' }, size)
  session.press({ input: 'w' }, size)
  await shows(session, /Why so many of web[\s\S]*nothing scales shop\/web/)
  session.update({ ...snapshot, scalers: [scaler] })
  await shows(session, /Why 7 .*1,310 ÷ 200/)
  session.close()
})

test('a session does what keys ask and says what came of it', async () => {
  const { client, told } = scriptedClient()
  const session = openSession(client)
  const type = (...keys: KeyPress[]) => {
    for (const key of keys) session.press(key, size)
  }
  type(...press('js+'), named('enter'))
  await shows(session, /web scaled to 4/)
  type(...press('ry'))
  await shows(session, /web restarts/)
  assert.equal(told, ['scale 4', 'restart'])
  type(...press('uy'))
  await shows(session, /web has no revision before r7/)
  clock.advance(10_000)
  assert.not.match(textOf(session.lines(size)), /no revision before/)
  session.close()
})

test('a session shows the page and the logs of a service', async () => {
  const { client } = scriptedClient()
  const session = openSession(client)
  session.press({ input: 'j' }, size)
  session.press(named('enter'), size)
  await shows(session, /Replicas +3 wanted, 3 ready/)
  session.press(named('escape'), size)
  session.press({ input: 'l' }, size)
  const text = await shows(session, /\[web-2-q8n5t\] GET/)
  assert.ok(text.includes('GET /\\x1b[2J 200'), 'what programs write cannot move the cursor')
  session.press({ input: 'q' }, size)
  await shows(session, /Services 2/)
  session.close()
})

test('a session reports q', () => {
  let quits = 0
  const session = openSession(scriptedClient().client, () => quits++)
  session.press({ input: 'q' }, size)
  assert.is(quits, 1)
})

/** A terminal of 80×24 that keeps what is drawn. */
function fakeTerminal() {
  const frames: string[] = []
  const stdout = Object.assign(new EventEmitter(), {
    isTTY: true,
    columns: size.columns,
    rows: size.rows,
    write: (frame: string) => frames.push(frame) > 0,
  })
  const stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode() {},
    setEncoding() {},
    resume() {},
    pause() {},
    ref() {},
    unref() {},
    chunks: [] as string[],
    read(): string | null {
      return this.chunks.shift() ?? null
    },
  })
  return {
    stdout: stdout as unknown as NodeJS.WriteStream,
    stdin: stdin as unknown as NodeJS.ReadStream,
    frames,
    type(text: string) {
      stdin.chunks.push(text)
      stdin.emit('readable')
    },
  }
}

async function until(check: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!check()) {
    if (performance.now() > deadline) assert.unreachable(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('ink draws the session on a terminal, follows it and takes keys', async () => {
  const terminal = fakeTerminal()
  let quits = 0
  const session = openSession(scriptedClient().client, () => quits++)
  const app = render(createElement(App, { session, clock, isColoured: false }), {
    stdout: terminal.stdout,
    stdin: terminal.stdin,
    debug: true,
    interactive: true,
    patchConsole: false,
    exitOnCtrlC: false,
  })
  const last = () => stripVTControlCharacters(terminal.frames.at(-1) ?? '')
  await until(() => last().includes('Services 2'), 'the first frame')
  assert.is(last().split('\n').length, size.rows)
  assert.match(last(), /▸ mail .*1\/2/)
  assert.not.ok(terminal.frames.join('').includes('\u001b[3'), 'no colour where none is wanted')
  terminal.type('j')
  await until(() => /▸ web/.test(last()), 'the selection to move')
  terminal.type('kj')
  terminal.type('\u001b[A')
  await until(() => /▸ mail/.test(last()), 'an arrow to move it back')
  session.update({ ...snapshot, services: [mail], daemon: { running: false } })
  await until(() => last().includes('Services 1'), 'the change')
  assert.match(last(), /nobody is acting/)
  terminal.type('q')
  await until(() => quits === 1, 'q')
  app.unmount()
  session.close()
})

test('without a terminal every change is a line, and nothing is said twice', () => {
  const lines = createChangeLines('shop')
  assert.equal(lines({ ...snapshot, isLoaded: false, daemon: undefined }, nowMs), [])
  assert.equal(lines(snapshot, nowMs), [
    'nsctl is running: process, pid 4711',
    'instance/mail-1-x2c4z backoff  exits 78, next try in 20 s',
    'instance/web-0-k2p9x running, ready  20011',
    'instance/web-1-v7d3m running, ready  20012',
    'instance/web-2-q8n5t running, ready  20007',
    'service/mail 1/2 ready  r2  tcp 20031, 20032  Degraded: mail-1 exits 78 (3 restarts)',
    'service/web 3/3 ready  r7  https://web.example.org',
  ])
  assert.equal(lines(snapshot, nowMs), [])
  const news = {
    ...events[0],
    metadata: { name: 'e9', namespace: 'shop' },
    message: 'again',
  } as unknown as AnyResource
  const other = { ...web, metadata: { ...web.metadata, namespace: 'elsewhere' } } as AnyResource
  assert.equal(
    lines(
      { ...snapshot, services: [web, other], daemon: { running: false }, events: [...events, news] },
      nowMs,
    ),
    [
      'nobody is acting on this: start it with nsctl up',
      'service/mail gone',
      'Warning OOMKilled instance/web-2-q8n5t: again',
    ],
  )
  const [away] = lines({ ...snapshot, services: [web], outage: { sinceMs: nowMs, message: 'locked' } }, nowMs)
  assert.match(away ?? '', /the store cannot be reached: locked\. What runs keeps running/)
})

test.run()

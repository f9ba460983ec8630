/** The live view on a terminal. Loaded by `watch` and `up` alone: ink costs most of a second. */
import { render } from 'ink'
import { createElement } from 'react'
import type { Client } from '../../client/client.ts'
import type { Clock } from '../../core/clock.ts'
import { runWatchFeed } from '../watch-feed.ts'
import { App } from './app.ts'
import { createSession } from './session.ts'

export interface TuiOptions {
  readonly client: Client
  readonly clock: Clock
  /** Ends the view. */
  readonly signal: AbortSignal
  /** Who presses the keys: recorded with what they change. */
  readonly userName: string
  /** Undefined shows all namespaces. */
  readonly namespace?: string
  readonly isColoured: boolean
  readonly stdin?: NodeJS.ReadableStream
  readonly stdout?: NodeJS.WritableStream
  /** Whether to draw on the terminal's other screen, so that what stood there before is back afterwards. On by default. */
  readonly alternateScreen?: boolean
}

/** Shows the live view until q, Ctrl-C or the signal. Resolves to `quit` where a person ended it. */
export async function runTui(options: TuiOptions): Promise<'quit' | 'aborted'> {
  const { client, clock } = options
  const left = new AbortController()
  const signal = AbortSignal.any([options.signal, left.signal])
  const session = createSession({
    client,
    clock,
    userName: options.userName,
    namespace: options.namespace,
    onQuit: () => left.abort(),
  })
  const screen = render(createElement(App, { session, clock, isColoured: options.isColoured }), {
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    ...(options.stdout === undefined ? {} : { stdout: options.stdout }),
    alternateScreen: options.alternateScreen ?? true,
    incrementalRendering: true,
    interactive: true,
    exitOnCtrlC: true,
    // what is logged meanwhile would tear the screen, and nothing here logs
    patchConsole: false,
  })
  const onAbort = () => screen.unmount()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const feed = runWatchFeed({ client, clock, signal, onSnapshot: (snapshot) => session.update(snapshot) })
    await screen.waitUntilExit()
    left.abort()
    await feed
  } finally {
    session.close()
  }
  return options.signal.aborted ? 'aborted' : 'quit'
}

/** The ink side of the live view: size, keys and lines. All else is the session's. */
import { Box, type Key, Text, useInput, useWindowSize } from 'ink'
import { createElement, type ReactElement, useEffect, useState, useSyncExternalStore } from 'react'
import type { Clock } from '../../core/clock.ts'
import type { Line, Tone } from './lines.ts'
import type { Session } from './session.ts'
import type { KeyPress } from './state.ts'

const TICK_MS = 1_000

export interface AppProps {
  readonly session: Session
  readonly clock: Clock
  readonly isColoured: boolean
}

const STYLES: Readonly<Record<Tone, Readonly<Record<string, string | boolean>>>> = {
  plain: {},
  strong: { bold: true },
  faint: { dimColor: true },
  good: { color: 'green' },
  bad: { color: 'red' },
  warn: { color: 'yellow' },
  accent: { color: 'cyan' },
}

export function App({ session, clock, isColoured }: AppProps): ReactElement {
  const { columns, rows } = useWindowSize()
  useSyncExternalStore(session.subscribe, session.version)
  useTick(clock)
  useInput((input, key) => {
    for (const press of keyPresses(input, key)) session.press(press, { columns, rows })
  })
  const lines = session.lines({ columns, rows })
  return createElement(
    Box,
    { flexDirection: 'column', width: columns, height: rows },
    // a line has no identity but its place
    ...lines.map((line, i) => createElement(Row, { key: i, line, isColoured })),
  )
}

function Row({ line, isColoured }: { readonly line: Line; readonly isColoured: boolean }): ReactElement {
  return createElement(
    Text,
    { wrap: 'truncate' },
    ...line.map(({ text, tone }, i) =>
      createElement(Text, { key: i, ...(isColoured ? STYLES[tone] : {}) }, text),
    ),
  )
}

/** Draws again every second: ages and the clock move without a change. */
function useTick(clock: Clock): void {
  const [, setTick] = useState(0)
  useEffect(() => {
    let cancel = () => {}
    const tick = () => {
      setTick((count) => count + 1)
      cancel = clock.schedule(TICK_MS, tick)
    }
    cancel = clock.schedule(TICK_MS, tick)
    return () => cancel()
  }, [clock])
}

/** Keys that were typed so fast that they came in one piece are still keys. */
function keyPresses(input: string, key: Key): readonly KeyPress[] {
  const name = keyName(key)
  return name === undefined ? [...input].map((one) => ({ input: one })) : [{ input: '', name }]
}

function keyName(key: Key): KeyPress['name'] {
  if (key.upArrow) return 'up'
  if (key.downArrow) return 'down'
  if (key.leftArrow) return 'left'
  if (key.rightArrow) return 'right'
  if (key.pageUp) return 'pageUp'
  if (key.pageDown) return 'pageDown'
  if (key.home) return 'home'
  if (key.end) return 'end'
  if (key.return) return 'enter'
  if (key.escape) return 'escape'
  return key.backspace || key.delete ? 'backspace' : undefined
}

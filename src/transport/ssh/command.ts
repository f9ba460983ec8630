/** A command on a server: its streams, its end, and how it is called off. */
import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import type { Channel } from 'ssh2'
import { type Clock, delay } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { orAborted } from '../abort.ts'
import type { Command, CommandEnd, RunningCommand } from '../transport.ts'
import { commandLine } from './quote.ts'
import { letGo, type Session, type Sessions } from './sessions.ts'

/** What a login shell's own files print before the command says its id is kept up to here, and passed on. */
const MAX_BEFORE_MARKER_BYTES = 64 * 1024

export interface CommandPlace {
  readonly sessions: Sessions
  /** Aborts when the connection has ended. */
  readonly lost: AbortSignal
  readonly clock: Clock
}

export async function startCommand(
  command: Command,
  place: CommandPlace,
  signal: AbortSignal,
): Promise<RunningCommand> {
  const marker = `nsctl:${randomBytes(9).toString('hex')}:`
  const opening = place.sessions.start(commandLine(command, marker), signal)
  let session: Session
  try {
    session = await orAborted(opening, signal)
  } catch (error) {
    const ignored = new PassThrough().resume()
    void opening.then(
      ({ channel }) => callOff(channel, takeMarker(channel, marker, ignored), place),
      () => {},
    )
    throw error
  }
  const { channel } = session
  channel.on('error', () => {})
  const stderr = new PassThrough()
  const pid = takeMarker(channel, marker, stderr)
  const ended = endOf(session, stderr, [signal, place.lost])
  ended.catch(() => {
    if (signal.aborted) void callOff(channel, pid, place)
  })
  return { stdin: channel, stdout: channel, stderr, ended }
}

async function endOf(
  { closed }: Session,
  stderr: PassThrough,
  signals: readonly AbortSignal[],
): Promise<CommandEnd> {
  const isRead = new Promise((resolve) => stderr.once('end', resolve))
  const end = await orAborted(closed, ...signals)
  if (end === undefined) {
    // what ends with the connection is told before that
    await orAborted(new Promise(setImmediate), ...signals)
    throw new NsctlError('Unreachable', 'the server ended a command and did not say how it ended')
  }
  await orAborted(isRead, ...signals)
  return end
}

/** Passes stderr on without the line that says the command's process id, and resolves to that. Undefined where it never came. */
function takeMarker(channel: Channel, marker: string, into: PassThrough): Promise<number | undefined> {
  return new Promise((resolve) => {
    const source = channel.stderr
    let held: Buffer = Buffer.alloc(0)
    const passOn = (rest: Buffer) => {
      source.off('data', onData)
      source.off('end', onEnd)
      if (rest.length > 0) into.write(rest)
      source.pipe(into)
    }
    const onEnd = () => {
      resolve(undefined)
      into.end(held)
    }
    const onData = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      const at = held.indexOf(marker)
      const end = at < 0 ? -1 : held.indexOf('\n', at)
      if (end >= 0) {
        resolve(Number(held.subarray(at + marker.length, end).toString()))
        passOn(Buffer.concat([held.subarray(0, at), held.subarray(end + 1)]))
      } else if (held.length > MAX_BEFORE_MARKER_BYTES) {
        resolve(undefined)
        passOn(held)
      }
    }
    source.on('data', onData)
    source.once('end', onEnd)
  })
}

/** How long a login shell may take to get to the command before its channel is closed without a kill. */
const MARKER_LIMIT_MS = 2_000

/**
 * Kills a command's process group, and closes its channel. By a command of its own: sshd takes no signals for root (it wants privilege separation
 * for that), and closing a channel ends nothing that does not read or write.
 */
async function callOff(
  channel: Channel,
  pid: Promise<number | undefined>,
  { sessions, lost, clock }: CommandPlace,
) {
  try {
    const group = await Promise.race([pid, delay(clock, MARKER_LIMIT_MS, lost)])
    if (group !== undefined && group > 1)
      await sessions.runAtOnce(`exec /bin/sh -c 'kill -s KILL -- -${group}'`)
  } catch {
    // the connection has ended, and with it all that can be done
  }
  letGo(channel)
}

/** What the agent asks of the machine that its programs run on, beside the runtime: its own, or one that it reaches over a transport. */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { release, type } from 'node:os'
import type { Duplex } from 'node:stream'
import { type MachineFigures, readMachine } from '../telemetry/machine/read.ts'
import { ProgramFinder } from './executable.ts'
import { type CountConnections, countConnections } from './instance/connections.ts'
import { type Amounts, localSystem, type SystemFacts, thisMachine } from './machine.ts'
import { canListen, type PortCheck } from './ports.ts'
import { type PressureSample, readPressure } from './pressure.ts'

export interface MachineFacts {
  readonly has: Amounts
  /** Operating system and kernel. */
  readonly os: string
  readonly bootId?: string
  readonly system: SystemFacts
}

/** A stream to a port there. Rejects with an error whose code is ECONNREFUSED or Unreachable where nothing listens. The signal is for the opening only. */
export type Dial = (host: string, port: number, signal: AbortSignal) => Promise<Duplex>

export interface Surroundings {
  /** It is this machine: what this process sees of its own is the node's. */
  readonly isHere: boolean
  readonly finder: Pick<ProgramFinder, 'find' | 'isFolder'>
  facts(): Promise<MachineFacts>
  /** What it says of itself, for metrics. */
  figures(): Promise<MachineFigures>
  /** @param folder lies on the disk that matters */
  pressure(folder: string): Promise<PressureSample>
  readonly isPortFree: PortCheck
  readonly countConnections: CountConnections
  readonly dial: Dial
}

/** This machine. */
export function localSurroundings(): Surroundings {
  return {
    isHere: true,
    finder: new ProgramFinder(),
    async facts() {
      const bootId = await readBootId()
      const os = `${type()} ${release()}`
      return { has: thisMachine(), os, system: localSystem(), ...(bootId === undefined ? {} : { bootId }) }
    },
    figures: () => readMachine(),
    pressure: readPressure,
    isPortFree: canListen,
    countConnections,
    dial: dialHere,
  }
}

function dialHere(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
    const giveUp = () => socket.destroy(signal.reason instanceof Error ? signal.reason : undefined)
    signal.addEventListener('abort', giveUp, { once: true })
    socket.once('close', reject)
    socket.once('error', reject)
    socket.once('connect', () => {
      signal.removeEventListener('abort', giveUp)
      socket.off('error', reject)
      socket.off('close', reject)
      resolve(socket)
    })
  })
}

async function readBootId(): Promise<string | undefined> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    // not Linux
    return undefined
  }
}

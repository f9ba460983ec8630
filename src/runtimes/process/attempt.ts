/** One attempt as its files and processes show it: read, signal, wait for the end of all of it. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { delay } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { ProgramExit } from '../runtime.ts'
import { isWhole, parseExit, UNCLAIMED } from './exits.ts'
import { attemptsWithLogs, LogKeeper, pruneAttempts } from './keeper.ts'
import { type AttemptPaths, attemptPaths, type Layout } from './layout.ts'
import type { Machine } from './machine.ts'
import { type Claim, parseClaim } from './shim.ts'
import { membersOf, type ProcessEntry } from './table.ts'

const KILL_EVERY_MS = 50
/** Short beside the pause before a restart, which it is part of. */
const CLEAR_EVERY_MS = 20

/** Reads, signals and keeps what it prints; what follows from it is its Program’s to decide. */
export class Attempt {
  readonly paths: AttemptPaths
  readonly program: string
  claim: Claim | undefined
  claimedAtMs: number | undefined
  /** The shim is a child of this process, and its end will be told. */
  isChild = false
  /** Its session number can be no one else's: this process has seen the shim alive. */
  ownsSession = false
  /** SIGKILL was sent because a grace period was over. */
  killed = false
  readonly #machine: Machine
  #keeper: LogKeeper | undefined

  constructor(paths: AttemptPaths, program: string, machine: Machine) {
    this.paths = paths
    this.program = program
    this.#machine = machine
  }

  /** Reads the claim if it is there. True where it is new. */
  readClaim(): boolean {
    if (this.claim !== undefined) return false
    const found = readStamped(this.paths.claim)
    const claim = found === undefined ? undefined : parseClaim(found.text)
    if (found === undefined || claim === undefined || claim === 'cancelled') return false
    this.claim = claim
    this.claimedAtMs = found.atMs
    return true
  }

  /** How it ended, if the shim has told. */
  readExit(): ProgramExit | undefined {
    const found = readStamped(this.paths.exit)
    if (found === undefined || !isWhole(found.text)) return undefined
    return this.#exitOf(found.text, found.atMs)
  }

  /** How it ended by the shim's own exit status, where its file could not be written. */
  #exitByStatus(status: number): ProgramExit {
    return this.#exitOf(`${status} ${status > 128 ? 'killed' : ''}\n`, this.#machine.clock.now())
  }

  /** Without its shim: how it ended as far as can be told; `orphaned` while its program goes on. */
  fateWithoutShim(status?: number | null): ProgramExit | 'orphaned' {
    // it may have written between the last look and its end
    const exit = this.readExit()
    if (exit !== undefined) return exit
    if (this.isProgramAlive()) return 'orphaned'
    return typeof status === 'number'
      ? this.#exitByStatus(status)
      : this.lost('its end was not seen by anybody')
  }

  /** An end that nothing is known of but that it was. */
  lost(message: string): ProgramExit {
    return { reason: 'lost', atMs: this.#machine.clock.now(), message }
  }

  #exitOf(text: string, atMs: number): ProgramExit {
    this.readClaim()
    if (this.claim === undefined && text.startsWith(`${UNCLAIMED} `))
      return { reason: 'resources', atMs, message: 'it could not be started: is the disk full?' }
    const refused = statSync(this.paths.refused, { throwIfNoEntry: false }) !== undefined
    return parseExit({ text, atMs, refused, program: this.program })
  }

  isShimAlive(): boolean {
    const { claim } = this
    return claim !== undefined && this.#machine.table.isAlive({ pid: claim.shimPid, start: claim.shimStart })
  }

  isProgramAlive(): boolean {
    const { claim } = this
    return claim !== undefined && this.#machine.table.isAlive(claim)
  }

  /** Sends `signal` to the whole group at once, then to what has left the group. */
  async signal(signal: string): Promise<void> {
    if (signal !== 'SIGKILL' && this.claim !== undefined && this.ownsSession && this.isShimAlive())
      send(-this.claim.shimPid, signal)
    else return this.#signalEach(await this.members(), signal)
    const strayed = (await this.members()).filter((entry) => entry.session !== this.claim?.shimPid)
    this.#signalEach(strayed, signal)
  }

  /** Its processes besides the shim. */
  async members(): Promise<readonly ProcessEntry[]> {
    const { claim, ownsSession } = this
    return membersOf(await this.#machine.processes(), { run: this.paths.run, claim, ownsSession })
  }

  #signalEach(members: readonly ProcessEntry[], signal: string): void {
    for (const member of members) if (this.#machine.table.isAlive(member)) send(member.pid, signal)
  }

  /** Sends SIGKILL to all of it, the shim excepted, again and again until `isDone`. */
  async kill(isDone: () => boolean): Promise<void> {
    this.killed = true
    while (!isDone() && !this.#machine.isClosed()) {
      await this.signal('SIGKILL')
      await delay(this.#machine.clock, KILL_EVERY_MS)
    }
  }

  /** After its program has ended: ends what it left behind. Resolves when nothing of it runs any more, or the runtime is closed. */
  async clear(order: () => { readonly signal: string; readonly kill: boolean }): Promise<void> {
    let sent = ''
    while (!this.#machine.isClosed()) {
      const left = await this.members()
      if (left.length === 0) return
      const { signal, kill } = order()
      if (kill) this.#signalEach(left, 'SIGKILL')
      else if (signal !== sent) this.#signalEach(left, signal)
      sent = signal
      await delay(this.#machine.clock, CLEAR_EVERY_MS)
    }
  }

  /** Keeps what it prints within limits, and when that was, until `closeLogs`; what older attempts printed may go. */
  keepLogs(): void {
    this.closeLogs()
    const { clock, logger, logLimits: limits } = this.#machine
    this.#keeper = new LogKeeper(this.paths, { clock, logger, limits })
    pruneAttempts(this.paths.logDir, limits)
  }

  closeLogs(): void {
    this.#keeper?.close()
  }

  /** Removes its claim and exit: only once its shim has certainly ended. */
  removeFiles(): void {
    for (const ending of ['claim', 'exit', 'refused', 'said', 'pid'])
      try {
        rmSync(`${this.paths.run}.${ending}`, { force: true })
      } catch (error) {
        this.#machine.logger.log('warn', 'cannot remove a file of an ended attempt', {
          error: messageOf(error),
        })
      }
  }
}

/**
 * The number of a program's next attempt: never one that any file is left of, for the shim of one that was cancelled may
 * still be on its way.
 */
export function nextAttempt(layout: Layout, name: string, last: number): number {
  const { logDir } = attemptPaths(layout, name, 0)
  let number = Math.max(last, attemptsWithLogs(logDir).at(-1) ?? 0) + 1
  while (existsSync(attemptPaths(layout, name, number).claim)) number++
  return number
}

/** Signals a process or a group; that it is gone, or not ours to signal, shows in what still runs. */
export function send(pid: number, signal: string): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function readStamped(path: string): { readonly text: string; readonly atMs: number } | undefined {
  const atMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs
  if (atMs === undefined) return undefined
  try {
    return { text: readFileSync(path, 'utf8'), atMs: Math.round(atMs) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

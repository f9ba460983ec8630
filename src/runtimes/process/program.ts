/**
 * One program: start, stop, restart, and the record that lets the next owner go on wherever this one is killed.
 *
 *     settled ──start──▶ live ──its end is seen──▶ ended ──what it left is gone──▶ settled, or live again
 *
 * The record is written before anything is done because of it: an attempt's number before its shim is spawned, the wish to
 * stop before the signal. Nothing is spawned while anything of the attempt before may run.
 */
import { messageOf, NsctlError } from '../../core/errors.ts'
import { deepEqual } from '../../core/json.ts'
import type { ObservedProgram, ProgramExit, ProgramSpec } from '../runtime.ts'
import { Attempt, nextAttempt, send } from './attempt.ts'
import { RESTART_DELAY_MS, recentRestarts } from './burst.ts'
import { exitOfStop } from './exits.ts'
import { attemptPaths } from './layout.ts'
import { Ledger } from './ledger.ts'
import { endOrder, graceLeftMs, observedOf, shouldRestart } from './lifecycle.ts'
import type { Machine } from './machine.ts'
import { materialVariables } from './materials.ts'
import { freshRecord, type ProgramRecord, type StopIntent } from './records.ts'
import { cancelAttempt } from './shim.ts'
import { makeStorage } from './storage.ts'
import { Timers } from './timers.ts'

/** An attempt whose shim was killed cannot tell its end: it is looked at so often. */
const ORPHAN_LOOK_MS = 100

export class Program {
  readonly #machine: Machine
  readonly #ledger: Ledger
  readonly #announce: () => void
  #attempt: Attempt
  readonly #timers: Timers<'look' | 'kill' | 'restart'>

  private constructor(record: ProgramRecord, machine: Machine, announce: () => void) {
    this.#machine = machine
    this.#ledger = new Ledger(record, machine)
    this.#announce = announce
    this.#timers = new Timers(machine.clock)
    this.#attempt = this.#attemptOf(record)
  }

  /** A program that is not known yet. Nothing runs before `start`. */
  static fresh(spec: ProgramSpec, machine: Machine, announce: () => void): Program {
    return new Program(freshRecord(spec), machine, announce)
  }

  /** A program that an earlier owner left behind: takes it up where that one was. */
  static adopt(record: ProgramRecord, machine: Machine, announce: () => void): Program {
    const program = new Program(record, machine, announce)
    program.#adopt()
    return program
  }

  get key(): string {
    return this.#ledger.key
  }

  get name(): string {
    return this.#ledger.name
  }

  get #record(): ProgramRecord {
    return this.#ledger.record
  }

  observed(): ObservedProgram {
    const { claim, claimedAtMs = 0 } = this.#attempt
    const running = claim === undefined ? undefined : { pid: claim.pid, startedAtMs: claimedAtMs }
    return observedOf(this.#record, running, this.#machine.clock.now())
  }

  get isLive(): boolean {
    return this.#record.stage === 'live'
  }

  get isSettled(): boolean {
    return this.#record.stage === 'settled'
  }

  /** The attempt that runs at present, if one does. */
  running(): { readonly key: string; readonly attempt: Attempt } | undefined {
    return this.isLive && this.#attempt.claim !== undefined
      ? { key: this.key, attempt: this.#attempt }
      : undefined
  }

  get spec(): ProgramSpec {
    return this.#record.spec
  }

  /** Resolves when the shim has been spawned, or at once where the program runs already or must first end. */
  async start(spec: ProgramSpec): Promise<void> {
    const { stage, stopping, want } = this.#record
    if (stage === 'settled') return this.#launch({ spec })
    const changed = !deepEqual(spec, this.#record.spec)
    if (stage === 'live' && stopping === undefined && changed)
      throw new NsctlError('Conflict', `${this.key} runs already, with another spec`, {
        value: this.key,
        next: 'stop it first',
      })
    if (changed || want !== 'run') this.#ledger.note({ spec, want: 'run' })
  }

  stop(options: { readonly signal: string; readonly graceMs: number }): void {
    const { clock, materials } = this.#machine
    materials.release(this.spec.id)
    if (this.#record.stage === 'settled') {
      materials.remove(this.spec.id)
      return
    }
    const before = this.#record.stopping
    const leftMs =
      before === undefined ? options.graceMs : Math.min(options.graceMs, graceLeftMs(before, clock.now()))
    const stopping: StopIntent = { signal: options.signal, graceMs: leftMs, askedAtMs: clock.now() }
    this.#ledger.note({ want: 'stop', stopping })
    this.#announce()
    if (this.isLive) this.#obey(stopping)
    else if (this.#timers.isSet('restart')) this.#settle()
  }

  /** Sends a signal to the program itself, if it runs. */
  signal(signal: string): void {
    const { claim } = this.#attempt
    if (this.isLive && claim !== undefined && this.#attempt.isProgramAlive()) send(claim.pid, signal)
  }

  /** Drops its record. Its shims have ended; files of an attempt that was cancelled stay, for its shim may yet come. */
  forget(): void {
    this.close()
    this.#ledger.remove()
    this.#machine.materials.release(this.spec.id)
    this.#machine.materials.remove(this.spec.id)
    if (this.#attempt.claim !== undefined) this.#attempt.removeFiles()
  }

  /** Stops looking after it. */
  close(): void {
    this.#timers.cancelAll()
    this.#attempt.closeLogs()
  }

  /** Looks at what the shim has written and whether it lives. Called for every sign of change; cheap. */
  look(): void {
    const attempt = this.#attempt
    if (!this.isLive || this.#machine.isClosed()) return
    if (attempt.readClaim()) {
      attempt.ownsSession ||= attempt.isShimAlive()
      this.#announce()
    }
    const exit = attempt.readExit()
    if (exit !== undefined) this.#ended(exit)
    else if (!attempt.isChild && attempt.claim !== undefined && !attempt.isShimAlive()) this.#shimIsGone()
  }

  #shimIsGone(status?: number | null): void {
    if (!this.isLive || this.#machine.isClosed()) return
    const attempt = this.#attempt
    const fate = attempt.fateWithoutShim(status)
    if (fate === 'orphaned') {
      attempt.isChild = false
      this.#timers.set('look', ORPHAN_LOOK_MS, () => this.look())
    } else this.#ended(fate)
  }

  // ── starting ──────────────────────────────────────────────────────────────

  /** Writes down a new attempt, then spawns its shim. */
  async #launch(change: Partial<ProgramRecord>): Promise<void> {
    const machine = this.#machine
    const before = this.#record
    const number = nextAttempt(machine.layout, this.name, before.attempt)
    if (before.attempt > 0 && this.#attempt.claim !== undefined) this.#attempt.removeFiles()
    this.#ledger.set({ ...before, ...change, want: 'run', attempt: number, stage: 'live' })
    const attempt = this.#attemptOf(this.#record)
    this.#attempt = attempt
    attempt.isChild = true
    attempt.ownsSession = true
    const { spec } = this.#record
    try {
      const { layout } = machine
      const ownEnv = { ...makeStorage(layout, spec), ...materialVariables(layout, spec) }
      attempt.keepLogs()
      this.#ledger.write()
      this.#announce()
      await machine.launcher.launch({
        paths: attempt.paths,
        spec,
        ownEnv,
        wanted: () => this.#attempt === attempt && this.isLive && !machine.isClosed(),
        ended: (status) => this.#attempt === attempt && this.#shimIsGone(status),
        failed: (failure) =>
          this.#attempt === attempt && this.#ended({ ...failure, atMs: machine.clock.now() }),
      })
    } catch (error) {
      this.#ended({ reason: 'resources', atMs: machine.clock.now(), message: messageOf(error) })
    }
  }

  #attemptOf(record: ProgramRecord): Attempt {
    const paths = attemptPaths(this.#machine.layout, this.name, record.attempt)
    return new Attempt(paths, record.spec.command[0], this.#machine)
  }

  // ── ending ────────────────────────────────────────────────────────────────

  /** Does what `stopping` asks, from wherever it stands by now. */
  #obey(stopping: StopIntent): void {
    const attempt = this.#attempt
    this.look()
    if (!this.isLive) return
    if (attempt.claim === undefined && this.#cancel()) {
      this.#ledger.note({ stage: 'ended' })
      this.#settle()
      return
    }
    this.look()
    if (!this.isLive) return
    this.#run(attempt.signal(stopping.signal))
    this.#timers.set('kill', graceLeftMs(stopping, this.#machine.clock.now()), () =>
      this.#run(attempt.kill(() => this.#attempt !== attempt || !this.isLive)),
    )
  }

  /** True where the attempt will never run. Where that cannot be written down, signals must do. */
  #cancel(): boolean {
    try {
      return cancelAttempt(this.#attempt.paths.claim, this.#machine.table.bootId)
    } catch (error) {
      this.#ledger.log('warn', 'cannot cancel an attempt', error)
      return false
    }
  }

  #ended(exit: ProgramExit): void {
    if (!this.isLive) return
    const { stopping } = this.#record
    const lastExit =
      stopping === undefined
        ? exit
        : exitOfStop(exit, {
            signal: stopping.signal,
            wasOver: this.#attempt.killed || graceLeftMs(stopping, exit.atMs) === 0,
          })
    this.#timers.cancel('kill')
    this.#ledger.note({ stage: 'ended', lastExit })
    this.#attempt.closeLogs()
    this.#announce()
    this.#clear(this.#machine.clock.monotonic())
  }

  /** Ends what the attempt has left behind, then goes on. `endedAtMs`: monotonic. */
  #clear(endedAtMs: number): void {
    const { clock } = this.#machine
    // a stop that comes while this goes on changes it
    const order = () => endOrder(this.#record, clock.monotonic() - endedAtMs, clock.now())
    this.#run(this.#attempt.clear(order).then(() => this.#cleared(endedAtMs)))
  }

  /** Nothing of the attempt runs any more. */
  #cleared(endedAtMs: number): void {
    const { clock, isClosed } = this.#machine
    if (isClosed() || this.#record.stage !== 'ended') return
    if (!shouldRestart(this.#record, clock.now())) {
      this.#settle()
      return
    }
    const waitMs = Math.max(0, RESTART_DELAY_MS - (clock.monotonic() - endedAtMs))
    this.#timers.set('restart', waitMs, () => this.#run(this.#restart()))
  }

  #restart(): Promise<void> {
    const { restarts, restartsAtMs } = this.#record
    const nowMs = this.#machine.clock.now()
    return this.#launch({
      restarts: restarts + 1,
      restartsAtMs: [...recentRestarts(restartsAtMs, nowMs), nowMs],
    })
  }

  /** Nothing runs and nothing will, unless a start came while it was being stopped. */
  #settle(): void {
    this.#timers.cancel('restart')
    this.#attempt.closeLogs()
    const { stopping, ...record } = this.#record
    this.#ledger.set({ ...record, stage: 'settled' })
    this.#ledger.note()
    if (record.want !== 'run') this.#machine.materials.remove(record.spec.id)
    if (record.want === 'run' && stopping !== undefined) this.#run(this.#launch({}))
    else this.#announce()
  }

  // ── taking over from an earlier owner ─────────────────────────────────────

  #adopt(): void {
    const { stage, stopping } = this.#record
    const attempt = this.#attempt
    attempt.readClaim()
    if (stage === 'settled') return
    attempt.ownsSession = attempt.isShimAlive()
    if (stage === 'ended') {
      this.#clear(this.#machine.clock.monotonic() - RESTART_DELAY_MS)
      return
    }
    if (attempt.claim === undefined && this.#neverRan()) return
    attempt.keepLogs()
    const exit = attempt.readExit()
    const { table } = this.#machine
    if (exit !== undefined) this.#ended(exit)
    else if (attempt.claim?.bootId !== table.bootId) this.#ended(attempt.lost('the machine was restarted'))
    else if (!table.isStillClaimed(attempt.claim, attempt.paths.run)) this.#shimIsGone()
    else if (stopping !== undefined) this.#obey(stopping)
  }

  /** Nobody has claimed the attempt: sees to it that nobody will, and starts another where one is wanted. */
  #neverRan(): boolean {
    const attempt = this.#attempt
    this.#cancel()
    if (attempt.readClaim()) {
      attempt.ownsSession = attempt.isShimAlive()
      return false
    }
    const { want, stopping, spec } = this.#record
    if (want === 'run' && stopping === undefined && !spec.fenced) this.#run(this.#launch({}))
    else this.#settle()
    return true
  }

  // ── plumbing ──────────────────────────────────────────────────────────────

  #run(work: Promise<void>): void {
    work.catch((error) => this.#ledger.log('error', 'a step for a program failed', error))
  }
}

/**
 * One program: start, stop, restart, and the record that lets the next owner go on wherever this one is killed.
 *
 *     settled ──start──▶ live ──its end is seen──▶ ended ──what it left is gone──▶ settled, or live again
 *
 * The record is written before anything is done because of it: an attempt's number before its shim is spawned, the wish to
 * stop before the signal. Nothing is spawned while anything of the attempt before may run.
 */
import { existsSync } from 'node:fs'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { deepEqual } from '../../core/json.ts'
import type { ObservedProgram, ProgramExit, ProgramSpec } from '../runtime.ts'
import { programKey } from '../runtime.ts'
import { Attempt } from './attempt.ts'
import { mayRestart, RESTART_DELAY_MS, recentRestarts } from './burst.ts'
import { exitOfStop } from './exits.ts'
import { attemptsWithLogs, LogKeeper, pruneAttempts } from './keeper.ts'
import { attemptPaths, fileNameOf } from './layout.ts'
import type { Machine } from './machine.ts'
import { type ProgramRecord, removeRecord, type StopIntent, saveRecord } from './records.ts'
import { cancelAttempt } from './shim.ts'
import { makeStorage } from './storage.ts'

/** An attempt whose shim was killed cannot tell its end: it is looked at so often. */
const ORPHAN_LOOK_MS = 100

export class Program {
  readonly key: string
  readonly name: string
  readonly #machine: Machine
  readonly #announce: () => void
  #record: ProgramRecord
  #attempt: Attempt
  #keeper: LogKeeper | undefined
  #cancelTimers = new Set<() => void>()
  #cancelKill: (() => void) | undefined
  #cancelRestart: (() => void) | undefined

  private constructor(record: ProgramRecord, machine: Machine, announce: () => void) {
    this.key = programKey(record.spec.id)
    this.name = fileNameOf(record.spec.id)
    this.#record = record
    this.#machine = machine
    this.#announce = announce
    this.#attempt = this.#attemptOf(record)
  }

  /** A program that is not known yet. Nothing runs before `start`. */
  static fresh(spec: ProgramSpec, machine: Machine, announce: () => void): Program {
    const record: ProgramRecord = {
      spec,
      want: 'stop',
      attempt: 0,
      stage: 'settled',
      restarts: 0,
      restartsAtMs: [],
    }
    return new Program(record, machine, announce)
  }

  /** A program that an earlier owner left behind: takes it up where that one was. */
  static adopt(record: ProgramRecord, machine: Machine, announce: () => void): Program {
    const program = new Program(record, machine, announce)
    program.#adopt()
    return program
  }

  observed(): ObservedProgram {
    const { spec, restarts, lastExit, stage, stopping } = this.#record
    const { claim, claimedAtMs } = this.#attempt
    const runs = stage === 'live' && claim !== undefined
    const isEnding = stopping !== undefined || (stage === 'ended' && !this.#shouldRestart())
    return {
      id: spec.id,
      state: stage === 'settled' ? 'exited' : isEnding ? 'stopping' : runs ? 'running' : 'starting',
      ...(runs ? { pid: claim.pid, startedAtMs: claimedAtMs ?? 0 } : {}),
      restarts,
      ...(lastExit === undefined ? {} : { lastExit }),
    }
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
    if (changed || want !== 'run') this.#save({ spec, want: 'run' })
  }

  stop(options: { readonly signal: string; readonly graceMs: number }): void {
    if (this.#record.stage === 'settled') return
    const { clock } = this.#machine
    const before = this.#record.stopping
    const leftMs =
      before === undefined ? options.graceMs : Math.min(options.graceMs, this.#graceLeftMs(before))
    const stopping: StopIntent = { signal: options.signal, graceMs: leftMs, askedAtMs: clock.now() }
    this.#save({ want: 'stop', stopping })
    this.#announce()
    if (this.isLive) this.#obey(stopping)
    else if (this.#cancelRestart !== undefined) this.#settle()
  }

  /** Drops its record. Its shims have ended; files of an attempt that was cancelled stay, for its shim may yet come. */
  forget(): void {
    this.close()
    removeRecord(this.#machine.layout, this.name)
    if (this.#attempt.claim !== undefined) this.#attempt.removeFiles()
  }

  /** Stops looking after it. */
  close(): void {
    for (const cancel of [...this.#cancelTimers]) cancel()
    this.#keeper?.close()
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
    // it may have written between the last look and its end
    const exit = attempt.readExit()
    if (exit !== undefined) this.#ended(exit)
    else if (attempt.isProgramAlive()) {
      attempt.isChild = false
      this.#after(ORPHAN_LOOK_MS, () => this.look())
    } else if (typeof status === 'number') this.#ended(attempt.exitByStatus(status))
    else this.#ended(this.#lost('its end was not seen by anybody'))
  }

  #lost(message: string): ProgramExit {
    return { reason: 'lost', atMs: this.#machine.clock.now(), message }
  }

  // ── starting ──────────────────────────────────────────────────────────────

  /** Writes down a new attempt, then spawns its shim. */
  async #launch(change: Partial<ProgramRecord>): Promise<void> {
    const { machine, name } = { machine: this.#machine, name: this.name }
    const attemptNumber = this.#nextAttempt()
    const before = this.#record
    if (before.attempt > 0 && this.#attempt.claim !== undefined) this.#attempt.removeFiles()
    this.#record = { ...before, ...change, want: 'run', attempt: attemptNumber, stage: 'live' }
    const attempt = this.#attemptOf(this.#record)
    this.#attempt = attempt
    attempt.isChild = true
    attempt.ownsSession = true
    const { spec } = this.#record
    try {
      const storageEnv = makeStorage(machine.layout, spec)
      this.#keep()
      saveRecord(machine.layout, name, this.#record)
      this.#announce()
      await machine.launcher.launch({
        paths: attempt.paths,
        spec,
        storageEnv,
        wanted: () => this.#attempt === attempt && this.isLive && !machine.isClosed(),
        ended: (status) => this.#attempt === attempt && this.#shimIsGone(status),
        failed: (failure) =>
          this.#attempt === attempt && this.#ended({ ...failure, atMs: machine.clock.now() }),
      })
    } catch (error) {
      this.#ended({ reason: 'resources', atMs: machine.clock.now(), message: messageOf(error) })
    }
  }

  /** Never one that any file is left of: a shim that was cancelled may still be on its way. */
  #nextAttempt(): number {
    const { layout } = this.#machine
    const { logDir } = attemptPaths(layout, this.name, 0)
    let number = Math.max(this.#record.attempt, attemptsWithLogs(logDir).at(-1) ?? 0) + 1
    while (existsSync(attemptPaths(layout, this.name, number).claim)) number++
    return number
  }

  #attemptOf(record: ProgramRecord): Attempt {
    const paths = attemptPaths(this.#machine.layout, this.name, record.attempt)
    return new Attempt(paths, record.spec.command[0], this.#machine)
  }

  #keep(): void {
    this.#keeper?.close()
    const { clock, logger, logLimits: limits } = this.#machine
    this.#keeper = new LogKeeper(this.#attempt.paths, { clock, logger, limits })
    pruneAttempts(this.#attempt.paths.logDir, limits)
  }

  // ── ending ────────────────────────────────────────────────────────────────

  /** Does what `stopping` asks, from wherever it stands by now. */
  #obey(stopping: StopIntent): void {
    const attempt = this.#attempt
    this.look()
    if (!this.isLive) return
    if (attempt.claim === undefined && cancelAttempt(attempt.paths.claim, this.#machine.table.bootId)) {
      this.#save({ stage: 'ended' })
      this.#settle()
      return
    }
    this.look()
    if (!this.isLive) return
    this.#run(attempt.signal(stopping.signal))
    this.#cancelKill?.()
    this.#cancelKill = this.#after(this.#graceLeftMs(stopping), () =>
      this.#run(attempt.kill(() => this.#attempt !== attempt || !this.isLive)),
    )
  }

  #graceLeftMs(stopping: StopIntent): number {
    const passedMs = this.#machine.clock.now() - stopping.askedAtMs
    // a wall clock that jumped must neither cut the grace short by much nor stretch it
    return Math.min(stopping.graceMs, Math.max(0, stopping.graceMs - Math.max(0, passedMs)))
  }

  #ended(exit: ProgramExit): void {
    if (!this.isLive) return
    const { clock } = this.#machine
    const { stopping, spec } = this.#record
    const attempt = this.#attempt
    const lastExit =
      stopping === undefined
        ? exit
        : exitOfStop(exit, {
            signal: stopping.signal,
            killed: attempt.killed || stopping.signal === 'SIGKILL',
          })
    this.#cancelKill?.()
    this.#save({ stage: 'ended', lastExit })
    this.#keeper?.close()
    this.#announce()
    const endedAtMs = clock.monotonic()
    const graceMs = stopping === undefined ? spec.stop.graceMs : this.#graceLeftMs(stopping)
    const order = { signal: stopping?.signal ?? spec.stop.signal, killAtMs: endedAtMs + graceMs }
    this.#run(attempt.clear(order).then(() => this.#cleared(endedAtMs)))
  }

  /** Nothing of the attempt runs any more. */
  #cleared(endedAtMs: number): void {
    const { clock, isClosed } = this.#machine
    if (isClosed() || this.#record.stage !== 'ended') return
    if (!this.#shouldRestart()) {
      this.#settle()
      return
    }
    const waitMs = Math.max(0, RESTART_DELAY_MS - (clock.monotonic() - endedAtMs))
    const cancel = this.#after(waitMs, () => {
      this.#cancelRestart = undefined
      this.#run(this.#restart())
    })
    this.#cancelRestart = () => {
      this.#cancelRestart = undefined
      cancel()
    }
  }

  #shouldRestart(): boolean {
    const { want, stopping, lastExit, restartsAtMs } = this.#record
    if (want !== 'run' || stopping !== undefined || lastExit === undefined) return false
    return lastExit.reason !== 'success' && mayRestart(restartsAtMs, this.#machine.clock.now())
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
    this.#cancelRestart?.()
    const { stopping, ...record } = this.#record
    this.#record = { ...record, stage: 'settled' }
    this.#save({})
    if (record.want === 'run' && stopping !== undefined) this.#run(this.#launch({}))
    else this.#announce()
  }

  // ── taking over from an earlier owner ─────────────────────────────────────

  #adopt(): void {
    const { stage, stopping } = this.#record
    const attempt = this.#attempt
    if (stage === 'settled') return
    attempt.readClaim()
    attempt.ownsSession = attempt.isShimAlive()
    if (stage === 'ended') {
      this.#run(
        attempt
          .clear(this.#leftoverOrder())
          .then(() => this.#cleared(this.#machine.clock.monotonic() - RESTART_DELAY_MS)),
      )
      return
    }
    if (attempt.claim === undefined && this.#neverRan()) return
    this.#keep()
    const exit = attempt.readExit()
    const { table } = this.#machine
    if (exit !== undefined) this.#ended(exit)
    else if (attempt.claim?.bootId !== table.bootId) this.#ended(this.#lost('the machine was restarted'))
    else if (!table.isStillClaimed(attempt.claim, attempt.paths.run)) this.#shimIsGone()
    else if (stopping !== undefined) this.#obey(stopping)
  }

  #leftoverOrder() {
    const { spec, stopping } = this.#record
    const graceMs = stopping === undefined ? spec.stop.graceMs : this.#graceLeftMs(stopping)
    return {
      signal: stopping?.signal ?? spec.stop.signal,
      killAtMs: this.#machine.clock.monotonic() + graceMs,
    }
  }

  /** Nobody has claimed the attempt: sees to it that nobody will, and starts another where one is wanted. */
  #neverRan(): boolean {
    const attempt = this.#attempt
    if (!cancelAttempt(attempt.paths.claim, this.#machine.table.bootId)) {
      attempt.readClaim()
      if (attempt.claim !== undefined) {
        attempt.ownsSession = attempt.isShimAlive()
        return false
      }
    }
    if (this.#record.want === 'run' && this.#record.stopping === undefined) this.#run(this.#launch({}))
    else this.#settle()
    return true
  }

  // ── plumbing ──────────────────────────────────────────────────────────────

  /** Changes the record and writes it. A full disk must not keep what is here from being stopped: it is logged. */
  #save(change: Partial<ProgramRecord>): void {
    this.#record = { ...this.#record, ...change }
    try {
      saveRecord(this.#machine.layout, this.name, this.#record)
    } catch (error) {
      this.#machine.logger.log('error', 'cannot write down the state of a program', {
        program: this.key,
        error: messageOf(error),
      })
    }
  }

  #after(delayMs: number, run: () => void): () => void {
    const cancel = this.#machine.clock.schedule(delayMs, () => {
      this.#cancelTimers.delete(cancel)
      if (!this.#machine.isClosed()) run()
    })
    this.#cancelTimers.add(cancel)
    return () => {
      this.#cancelTimers.delete(cancel)
      cancel()
    }
  }

  #run(work: Promise<void>): void {
    work.catch((error) =>
      this.#machine.logger.log('error', 'a step for a program failed', {
        program: this.key,
        error: messageOf(error),
      }),
    )
  }
}

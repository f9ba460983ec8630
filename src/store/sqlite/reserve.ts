/**
 * Room kept for the day the disk is full. Under a full disk SQLite's log allows neither a checkpoint nor a delete; giving
 * this file up lets both through. While it is gone, only what does not make the store larger is accepted.
 */

import { closeSync, existsSync, openSync, renameSync, rmSync, statfsSync, writev } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../../core/clock.ts'

/** As long as the log gets before it is copied into the file: see file.ts. */
const RESERVE_BYTES = 2 * 1024 * 1024
const BLOCK_BYTES = 16 * 1024
/** Made only where as much again stays free. */
const FREE_BYTES = 2 * RESERVE_BYTES
const RETRY_MS = 1_000

/** One per open store. Only looks and writes beside the store, never into it. */
export class Reserve {
  readonly #path: string
  /** What is not whole yet has another name: part of a reserve must not count. */
  readonly #unfinished: string
  readonly #clock: Clock
  #triedAtMs = Number.NEGATIVE_INFINITY
  /** It is being made, by a thread of Node's: nobody waits for megabytes that are hardly ever needed. */
  #making: Promise<void> | undefined

  /** @param storePath the store whose disk it is for; the reserve lies beside it */
  constructor(storePath: string, clock: Clock) {
    this.#path = `${storePath}-reserve`
    this.#unfinished = `${this.#path}-new`
    this.#clock = clock
  }

  /**
   * True where there is room to delete in: the reserve, or as much free space. Begins to make the reserve where it is missing
   * and the disk has space (looks once a second).
   */
  isKept(): boolean {
    if (this.#making !== undefined || existsSync(this.#path)) return true
    const nowMs = this.#clock.monotonic()
    const freeBytes = this.#freeBytes()
    if (nowMs - this.#triedAtMs >= RETRY_MS && freeBytes >= FREE_BYTES) {
      this.#triedAtMs = nowMs
      this.#make()
    }
    return freeBytes >= RESERVE_BYTES
  }

  /** Resolves once what is being made is there, or is not going to be. */
  async settled(): Promise<void> {
    await this.#making
  }

  /** Gives the room to the disk. False where it was gone already. */
  giveUp(): boolean {
    const isThere = [this.#path, this.#unfinished].filter((path) => existsSync(path))
    if (isThere.length === 0) return false
    for (const path of isThere) rmSync(path, { force: true })
    this.#triedAtMs = this.#clock.monotonic()
    return true
  }

  /** Several processes may make it at once. */
  #make(): void {
    try {
      const file = openSync(this.#unfinished, 'w', 0o600)
      const block = incompressible(BLOCK_BYTES)
      this.#making = new Promise((resolve) => {
        writev(file, new Array(RESERVE_BYTES / BLOCK_BYTES).fill(block), (error, bytes) => {
          closeSync(file)
          this.#finish(error === null && bytes === RESERVE_BYTES)
          this.#making = undefined
          resolve()
        })
      })
    } catch {
      // a folder that cannot be written to: the free space has to do
    }
  }

  #finish(isWhole: boolean): void {
    try {
      if (isWhole) renameSync(this.#unfinished, this.#path)
      else rmSync(this.#unfinished, { force: true })
    } catch {
      // another process was faster, or it was given up already
    }
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    return bavail * bsize
  }
}

/** Some file systems store no zeros, and others compress. Not from node:crypto, whose loading takes longer than the writing. */
function incompressible(byteCount: number): Uint8Array {
  const words = new Uint32Array(byteCount / 4)
  for (let at = 0; at < words.length; at++) words[at] = Math.random() * 2 ** 32
  return new Uint8Array(words.buffer)
}

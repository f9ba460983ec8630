/**
 * Room kept for the day the disk is full. Under a full disk SQLite's log allows neither a checkpoint nor a delete; giving
 * this file up lets both through. While it is gone, only what does not make the store larger is accepted.
 */

import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../../core/clock.ts'

const RESERVE_BYTES = 4 * 1024 * 1024
/** Made only where as much again stays free. */
const FREE_BYTES = 2 * RESERVE_BYTES
const RETRY_MS = 1_000

/** One per open store. Only looks and writes beside the store, never into it. */
export class Reserve {
  readonly #path: string
  readonly #clock: Clock
  #triedAtMs = Number.NEGATIVE_INFINITY

  /** @param storePath the store whose disk it is for; the reserve lies beside it */
  constructor(storePath: string, clock: Clock) {
    this.#path = `${storePath}-reserve`
    this.#clock = clock
  }

  /**
   * True where there is room to delete in: the reserve, or as much free space. Makes the reserve again where it is missing
   * and the disk has space (looks once a second).
   */
  isKept(): boolean {
    if (existsSync(this.#path)) return true
    const nowMs = this.#clock.monotonic()
    if (nowMs - this.#triedAtMs < RETRY_MS) return this.#freeBytes() >= RESERVE_BYTES
    this.#triedAtMs = nowMs
    return this.#make() || this.#freeBytes() >= RESERVE_BYTES
  }

  /** Gives the room to the disk. False where it was gone already. */
  giveUp(): boolean {
    if (!existsSync(this.#path)) return false
    rmSync(this.#path, { force: true })
    this.#triedAtMs = this.#clock.monotonic()
    return true
  }

  #make(): boolean {
    try {
      if (this.#freeBytes() < FREE_BYTES) return false
      this.#fill()
      return true
    } catch {
      // it did fill up: whatever was made of it must not count
      rmSync(this.#path, { force: true })
      return false
    }
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    return bavail * bsize
  }

  #fill(): void {
    const block = incompressible(64 * 1024)
    const file = openSync(this.#path, 'w', 0o600)
    try {
      for (let written = 0; written < RESERVE_BYTES; written += block.length) writeSync(file, block)
    } finally {
      closeSync(file)
    }
  }
}

/** Some file systems store no zeros, and others compress. Not from node:crypto, whose loading takes longer than the writing. */
function incompressible(byteCount: number): Uint8Array {
  const words = new Uint32Array(byteCount / 4)
  for (let at = 0; at < words.length; at++) words[at] = Math.random() * 2 ** 32
  return new Uint8Array(words.buffer)
}

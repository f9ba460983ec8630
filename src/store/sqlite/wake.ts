/**
 * Wakes watchers in other processes. Whoever watches listens on a socket in `<store>-wake/`; whoever writes connects to
 * all of them before COMMIT and sends a byte after it, which the kernel keeps even if the writer is gone at once. A lost
 * wake costs only time: watchers also look every 250 ms.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import { type Clock, delay } from '../../core/clock.ts'

/** Where the kernel's limit for a socket's path lies (108 on Linux, 104 elsewhere), with room for the NUL. */
const MAX_SOCKET_PATH_BYTES = 100
/** A listener that does not answer may be stopped or overrun: it is left alone for a while. */
const CONNECT_LIMIT_MS = 100
const AVOID_MS = 5_000
const FLUSH_LIMIT_MS = 500

/** Both ends of one process: its own ear, and its connections to the ears of others. */
export class WakeSockets {
  readonly #directory: string
  readonly #clock: Clock
  readonly #onWake: () => void
  /** A new one each time: a writer may not have noticed yet that the last one is gone. */
  #ownName: string | undefined
  /** Connected to, by name. */
  readonly #others = new Map<string, Socket>()
  readonly #avoidUntilMs = new Map<string, number>()
  /** The connections of those who write. */
  readonly #accepted = new Set<Socket>()
  #server: Server | undefined
  /** Stands for the directory where its path is too long for a socket. */
  #handle: number | undefined

  constructor(storePath: string, clock: Clock, onWake: () => void) {
    this.#directory = `${storePath}-wake`
    this.#clock = clock
    this.#onWake = onWake
  }

  /** Starts listening, and keeps the process alive for it. Rejects where there can be no socket. */
  async listen(): Promise<void> {
    const { createServer } = await import('node:net')
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    const server = createServer((socket) => {
      this.#accepted.add(socket.unref())
      socket.on('data', this.#onWake)
      socket.on('error', () => socket.destroy())
      socket.on('end', () => socket.destroy())
      socket.on('close', () => this.#accepted.delete(socket))
    })
    this.#server = server
    const name = `${process.pid}-${randomBytes(4).toString('hex')}`
    this.#ownName = name
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#socketPath(name), resolve)
    })
    server.on('error', () => {})
  }

  /** Stops listening. */
  async mute(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server?.listening) return
    server.close()
    for (const socket of this.#accepted) socket.destroy()
    if (this.#ownName === undefined) return
    try {
      rmSync(join(this.#directory, this.#ownName), { force: true })
    } catch {
      // a disk that went read-only: who writes next finds nobody there
    }
  }

  /** Connects to those who listen now. Never rejects; gives up on each after a tenth of a second. */
  async connect(): Promise<void> {
    const names = this.#listeners().filter((name) => !this.#others.has(name) && !this.#isAvoided(name))
    if (names.length > 0) await Promise.all(names.map((name) => this.#connectTo(name)))
  }

  /** Sends a byte to all who are connected. The kernel has it when this returns, unless a listener is overrun. */
  poke(): void {
    for (const socket of this.#others.values()) {
      // what is still waiting to be sent wakes it as well
      if (socket.writableLength === 0) socket.write('\n')
    }
  }

  /** Stops listening and ends the connections once what was sent is with the kernel. */
  async close(): Promise<void> {
    await this.mute()
    const flushed = [...this.#others.values()].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', resolve).end(resolve)),
    )
    this.#others.clear()
    if (flushed.length > 0) {
      const enough = new AbortController()
      const limit = delay(this.#clock, FLUSH_LIMIT_MS, enough.signal).catch(() => {})
      await Promise.race([Promise.all(flushed), limit])
      enough.abort()
    }
    if (this.#handle !== undefined) closeSync(this.#handle)
    this.#handle = undefined
  }

  #listeners(): readonly string[] {
    try {
      return readdirSync(this.#directory).filter((name) => name !== this.#ownName)
    } catch {
      // nobody has ever watched this store
      return []
    }
  }

  #isAvoided(name: string): boolean {
    return (this.#avoidUntilMs.get(name) ?? 0) > this.#clock.monotonic()
  }

  async #connectTo(name: string): Promise<void> {
    const { connect } = await import('node:net')
    const socket = connect({ path: this.#socketPath(name) })
    const connected = await new Promise<boolean>((resolve) => {
      const cancel = this.#clock.schedule(CONNECT_LIMIT_MS, () => resolve(false))
      socket.once('connect', () => resolve(true))
      socket.once('close', () => resolve(false))
      socket.on('error', (error) => {
        // its process is gone; it could not clean up
        if ('code' in error && error.code === 'ECONNREFUSED')
          rmSync(join(this.#directory, name), { force: true })
      })
      socket.once('close', cancel).once('connect', cancel)
    })
    if (!connected) {
      socket.destroy()
      this.#avoidUntilMs.set(name, this.#clock.monotonic() + AVOID_MS)
      return
    }
    this.#avoidUntilMs.delete(name)
    this.#others.set(name, socket)
    socket.once('close', () => this.#others.delete(name))
    socket.unref()
    // nothing comes this way, but without reading its end would not be noticed
    socket.resume()
  }

  #socketPath(name: string): string {
    const path = join(this.#directory, name)
    if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES || process.platform !== 'linux') return path
    this.#handle ??= openSync(this.#directory, 'r')
    return `/proc/self/fd/${this.#handle}/${name}`
  }
}

/** A store in a folder of its own, and processes beside this one that use it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Clock, systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openSqliteStore, type SqliteStoreOptions } from '../../../src/store/sqlite/store.ts'
import type { Store } from '../../../src/store/store.ts'

export class Scene {
  readonly directory: string
  readonly path: string
  readonly #stores: Store[] = []
  readonly #children: ChildProcess[] = []

  /** @param below where it is to lie; the system's temporary folder where left out */
  constructor(below: string = tmpdir()) {
    this.directory = mkdtempSync(join(below, 'nsctl-store-'))
    this.path = join(this.directory, 'state', 'store.db')
  }

  async open(options: Partial<SqliteStoreOptions> & { readonly clock?: Clock } = {}): Promise<Store> {
    const store = await openSqliteStore({
      path: this.path,
      clock: systemClock,
      logger: silentLogger,
      ...options,
    })
    this.#stores.push(store)
    return store
  }

  /** Runs `program` (JavaScript, with `path` and node's `sqlite` at hand) in a process of its own. */
  run(program: string): Child {
    const prelude = `const sqlite = await import('node:sqlite'); const path = ${JSON.stringify(this.path)};`
    return this.start(['--input-type=module', '-e', `${prelude}\n${program}`])
  }

  start(args: readonly string[]): Child {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#children.push(child)
    return new Child(child)
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const store of this.#stores) await store.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export class Child {
  readonly process: ChildProcess
  /** What it wrote so far, whole lines. */
  readonly lines: string[] = []
  readonly exit: Promise<unknown>
  #wake: (() => void) | undefined
  readonly #listeners = new Set<(line: string) => void>()

  constructor(child: ChildProcess) {
    this.process = child
    this.exit = once(child, 'close')
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.lines.push(line)
      for (const listen of this.#listeners) listen(line)
      this.#wake?.()
    })
    void this.exit.then(() => this.#wake?.())
  }

  /** Resolves when it has written `count` lines. */
  async wrote(count: number): Promise<void> {
    while (this.lines.length < count) {
      if (this.process.exitCode !== null) throw new Error(`it ended after ${this.lines.length} lines`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Calls `listen` with each line, as soon as it comes, until it is told to stop. */
  hear(listen: (line: string) => void): () => void {
    this.#listeners.add(listen)
    return () => this.#listeners.delete(listen)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.exit
  }
}

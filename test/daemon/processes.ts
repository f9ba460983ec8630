/** Long-running processes of nsctl, started as users start them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { type Home, root } from '../commands/nsctl.ts'

/** As it is installed in this checkout. */
export const NSCTL = join(root, 'bin/nsctl')

/** One process, with all that it has said. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  output = ''

  /** @param command nsctl, with what goes before it to run it elsewhere, or that of another installation */
  constructor(home: Home, words: readonly string[], command: readonly string[] = [NSCTL]) {
    const env = { PATH: process.env.PATH, HOME: home.folder, LANG: 'C.UTF-8', NSCTL_HOME: home.state }
    const [program, ...args] = [...command, ...words]
    this.child = spawn(program!, args, {
      cwd: home.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data) => {
        this.output += data
      })
    }
    this.ended = new Promise((resolve) => this.child.once('exit', resolve))
  }

  /** Resolves when it has said what matches `wanted`; rejects where it ends before. */
  async says(wanted: RegExp, limitMs = 15_000): Promise<this> {
    const early = this.ended.then((code) =>
      Promise.reject(new Error(`it ended with ${code} before it said ${wanted}:\n${this.output}`)),
    )
    const said = until(() => {
      if (!wanted.test(this.output)) throw new Error(`it never said ${wanted}:\n${this.output}`)
    }, limitMs)
    await Promise.race([said, early])
    early.catch(() => {})
    return this
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal)
    return await this.ended
  }
}

/** The first answer of `check` that does not throw. */
export async function until<T>(check: () => T | Promise<T>, limitMs = 15_000): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What the tests of the contract share: an open runtime, programs to run, and a look at the machine from outside. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'uvu'
import {
  type LogLine,
  type LogOptions,
  type ObservedProgram,
  type ProgramId,
  type ProgramSpec,
  programKey,
  type Runtime,
  type RuntimeCleaner,
  type RuntimeMaterials,
  type RuntimeReader,
  type RuntimeStorage,
} from '../../../src/runtimes/runtime.ts'

export type FullRuntime = Runtime & RuntimeMaterials & RuntimeStorage & RuntimeCleaner

/** One runtime on one place of its own. `open` is called again after `close`, and must then find what runs. */
export interface RuntimeHarness {
  open(): Promise<FullRuntime>
  reader(): RuntimeReader
  /** The folder in which programs' material lies at present, one entry a program or a template; undefined where there is none yet. */
  materialRoot(): string | undefined
  /** Last of all, after the runtime was closed. */
  dispose(): Promise<void>
}

export type ContractTest = Test<{ fixture: ContractFixture }>

/** Longer than anything here takes on a busy machine; a test that waits so long has failed. */
const LIMIT_MS = 15_000

/** Polls until `look` gives something other than undefined or false; fails with `what` when it never does. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = LIMIT_MS,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await sleep(10)
  }
}

export class ContractFixture {
  readonly harness: RuntimeHarness
  runtime: FullRuntime
  #counter = 0

  private constructor(harness: RuntimeHarness, runtime: FullRuntime) {
    this.harness = harness
    this.runtime = runtime
  }

  static async open(harness: RuntimeHarness): Promise<ContractFixture> {
    return new ContractFixture(harness, await harness.open())
  }

  async dispose(): Promise<void> {
    await this.runtime.removeAll({ purge: true, signal: AbortSignal.timeout(60_000) })
    await this.runtime.close()
    await this.harness.dispose()
  }

  async reopen(): Promise<void> {
    await this.runtime.close()
    this.runtime = await this.harness.open()
  }

  /** A spec that no other test uses, which runs `script` in sh. */
  shell(script: string, changes: Partial<ProgramSpec> = {}): ProgramSpec {
    const service = `t${process.pid % 10_000}-${++this.#counter}`
    return {
      id: { namespace: 'default', service, templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' },
      command: ['/bin/sh', '-c', script, `token-${service}-${process.pid}`],
      workingDir: '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      storage: [],
      limits: {},
      stop: { signal: 'SIGTERM', graceMs: 5_000 },
      network: 'host',
      relax: [],
      ...changes,
    }
  }

  start(spec: ProgramSpec): Promise<void> {
    return this.runtime.start(spec, AbortSignal.timeout(LIMIT_MS))
  }

  stop(spec: ProgramSpec, graceMs = spec.stop.graceMs): Promise<void> {
    return this.runtime.stop(spec.id, { graceMs, signal: spec.stop.signal })
  }

  see(id: ProgramId): ObservedProgram | undefined {
    return this.runtime.observe().get(programKey(id))
  }

  /** Waits for a running program whose process is not `besides`. */
  running(spec: ProgramSpec, besides?: number): Promise<ObservedProgram & { readonly pid: number }> {
    return eventually(`${spec.id.service} runs`, () => {
      const seen = this.see(spec.id)
      if (seen?.state !== 'running' || seen.pid === undefined || seen.pid === besides) return undefined
      // the manager says so as soon as it has forked; the test wants the program itself
      return pidsOf(spec).includes(seen.pid) && { ...seen, pid: seen.pid }
    })
  }

  exited(spec: ProgramSpec): Promise<ObservedProgram> {
    return eventually(`${spec.id.service} is exited`, () => {
      const seen = this.see(spec.id)
      return seen?.state === 'exited' && seen
    })
  }

  /** Waits until the program is gone or exited, as the port promises after a stop. */
  async gone(spec: ProgramSpec): Promise<void> {
    await eventually(`${spec.id.service} is gone or exited`, () => {
      const seen = this.see(spec.id)
      return seen === undefined || seen.state === 'exited'
    })
  }

  async lines(id: ProgramId, options: LogOptions = {}): Promise<LogLine[]> {
    const all: LogLine[] = []
    for await (const line of this.harness.reader().logs(id, options, AbortSignal.timeout(LIMIT_MS))) {
      if (line.stream !== 'manager') all.push(line)
    }
    return all
  }

  /** Waits until the program has printed `text` as a line of its own. */
  printed(id: ProgramId, text: string | RegExp, options: LogOptions = {}): Promise<LogLine> {
    return eventually(`${id.service} prints ${text}`, async () =>
      (await this.lines(id, options)).find((line) =>
        typeof text === 'string' ? line.text === text : text.test(line.text),
      ),
    )
  }
}

/**
 * Processes whose arguments are exactly those of `spec`: the program itself, no shim and no child of it, nor one that it has
 * just forked and that still has its arguments.
 */
export function pidsOf(spec: Pick<ProgramSpec, 'command'>): readonly number[] {
  const want = `${spec.command.join('\0')}\0`
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && argumentsOf(name) === want)
  return pids.filter((pid) => !pids.includes(parentOf(pid))).map(Number)
}

/**
 * Sets who, in sh, to what tells its process from all others: when it began, in ticks since boot. Its number does not: it may have
 * another inside than outside, and the next one the same.
 */
export const WHO = `read -r stat </proc/$$/stat; set -- \${stat##*) }; who=\${20}`

/** What `WHO` comes to in the process with this pid. */
export function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function parentOf(pid: string): string {
  try {
    return /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
  } catch {
    return ''
  }
}

/** Processes that have `word` among their arguments. */
export function pidsWith(word: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && argumentsOf(name).split('\0').includes(word))
    .map(Number)
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

export function tokenOf(spec: ProgramSpec): string {
  return spec.command[3] ?? ''
}

/** A process runtime in a directory of its own, with what the tests look at. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/core/clock.ts'
import type { LogFields, Logger, LogLevel } from '../../../src/core/logger.ts'
import type { LogLimits } from '../../../src/runtimes/process/keeper.ts'
import { layoutOf } from '../../../src/runtimes/process/layout.ts'
import { openProcessReader } from '../../../src/runtimes/process/reader.ts'
import { openProcessRuntime } from '../../../src/runtimes/process/runtime.ts'
import { ContractFixture } from '../contract/fixture.ts'

export interface ProcessFixture {
  readonly fixture: ContractFixture
  readonly stateDir: string
  readonly logged: readonly string[]
}

/** Runs `work` with an open runtime, and leaves nothing behind. */
export function withRuntime(
  work: (context: ProcessFixture) => Promise<void>,
  options: { readonly logLimits?: LogLimits; readonly stateDir?: string } = {},
): () => Promise<void> {
  return async () => {
    const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'nsctl-process-'))
    const logged: string[] = []
    const fixture = await ContractFixture.open({
      open: () =>
        openProcessRuntime({
          stateDir,
          clock: systemClock,
          logger: collect(logged),
          ...(options.logLimits === undefined ? {} : { logLimits: options.logLimits }),
        }),
      materialRoot: () => materialRootOf(stateDir),
      reader: () => openProcessReader({ stateDir }),
      dispose: async () => {
        if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true })
      },
    })
    try {
      await work({ fixture, stateDir, logged })
    } catch (error) {
      // why it failed must not be hidden by what cannot be cleaned up then
      await fixture
        .reopen()
        .then(() => fixture.dispose())
        .catch(() => undefined)
      throw error
    }
    await fixture.dispose()
  }
}

/** Where in memory the runtime has put its programs' material; undefined where it has not yet. */
export function materialRootOf(stateDir: string): string | undefined {
  const file = layoutOf(stateDir).materials
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function collect(lines: string[]): Logger {
  const logger: Logger = {
    log(level: LogLevel, message: string, fields?: LogFields) {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`)
    },
    with: () => logger,
  }
  return logger
}

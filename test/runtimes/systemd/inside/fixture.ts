/** What the suites that run inside a node share: an open runtime on its systemd, and a way to ask systemd itself. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import type { ProgramId, ProgramSpec } from '../../../../src/runtimes/runtime.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { unitName } from '../../../../src/runtimes/systemd/names.ts'
import { openSystemdReader } from '../../../../src/runtimes/systemd/reader.ts'
import { openSystemdRuntime, type SystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import { ContractFixture, type RuntimeHarness } from '../../contract/fixture.ts'

export const PROGRAMS = join(import.meta.dirname, 'programs')
export const NODE = '/opt/nsctl/node_modules/node/bin/node'
export const scope = process.env.NSCTL_LAB_SCOPE === 'user' ? 'user' : 'system'

export interface SystemdHarness extends RuntimeHarness {
  open(): Promise<SystemdRuntime>
}

export function openHarness(): SystemdHarness {
  const stateDir = mkdtempSync(join(scope === 'system' ? '/var/lib' : '/var/tmp', 'nsctl-inside-'))
  return {
    open: () =>
      openSystemdRuntime({
        scope,
        stateDir,
        clock: systemClock,
        logger: silentLogger,
        signal: new AbortController().signal,
      }),
    reader: () => openSystemdReader({ scope, stateDir }),
    materialRoot: () => layoutOf({ scope, stateDir }).materialDir,
    async dispose() {
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

export function openFixture(): Promise<ContractFixture> {
  return ContractFixture.open(openHarness())
}

export function systemctl(...args: readonly string[]): string {
  return execFileSync('systemctl', [...(scope === 'user' ? ['--user'] : []), ...args], { encoding: 'utf8' })
}

/** One property of a program's unit. */
export function property(id: ProgramId, name: string): string {
  return systemctl('show', '--value', `--property=${name}`, unitName(id)).trim()
}

/** A spec for a Node program of programs/. */
export function nodeProgram(
  fixture: ContractFixture,
  file: string,
  changes: Partial<ProgramSpec> = {},
): ProgramSpec {
  return fixture.shell('', { command: [NODE, join(PROGRAMS, file)], ...changes })
}

/** What the suites about material inside a node share. */
import { spawnSync } from 'node:child_process'
import type { MaterialShape, ProgramMaterial, ProgramSpec } from '../../../../src/runtimes/runtime.ts'
import type { ContractFixture } from '../../contract/fixture.ts'

/** What is looked for everywhere. */
export const PLANTED = 'planted-4f0a9c36'
export const FOREVER = 'while :; do sleep 0.1; done'
export const NO_SHAPE: MaterialShape = {
  credentials: [],
  live: false,
  environment: false,
  folders: [],
  paths: {},
}
export const SHAPE: MaterialShape = { ...NO_SHAPE, credentials: ['db.password'], environment: true }

export function material(
  credentials: Record<string, string | Uint8Array> = { 'db.password': PLANTED },
  environment: Record<string, string> = { TOKEN: PLANTED },
  folders: Record<string, Record<string, string>> = {},
): ProgramMaterial {
  const bytes = (files: Record<string, string | Uint8Array>) =>
    new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)]))
  return {
    credentials: bytes(credentials),
    environment: new Map(Object.entries(environment)),
    folders: new Map(Object.entries(folders).map(([name, files]) => [name, bytes(files)])),
  }
}

export async function startWith(
  fixture: ContractFixture,
  spec: ProgramSpec,
  given = material(),
): Promise<void> {
  await fixture.runtime.place(spec.id, given)
  await fixture.start(spec)
}

/** What a command prints, whether it succeeds or not. */
export function run(command: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  return stdout + stderr
}

/** Spawns shims, one a turn of the event loop: a fork stands still for milliseconds, and a hundred must not freeze the daemon. */
import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import type { ProgramSpec } from '../runtime.ts'
import type { AttemptPaths } from './layout.ts'
import { MARKER } from './table.ts'

export interface Launch {
  readonly paths: AttemptPaths
  readonly spec: ProgramSpec
  /** Variables besides the spec's: where its storage and its material lie, and secret ones. They are nowhere but in its environment. */
  readonly ownEnv: Readonly<Record<string, string>>
  /** Asked when its turn comes: false drops it. */
  wanted(): boolean
  /** The shim has ended; with its exit status where it had one. */
  ended(status: number | null): void
  /** There is no process, and there never was. */
  failed(failure: LaunchFailure): void
}

export interface LaunchFailure {
  /** `exec`: what the spec asks for cannot be executed. `resources`: the machine has no room for it now. */
  readonly reason: 'exec' | 'resources'
  readonly message: string
}

export interface Launcher {
  /** Resolves when the shim has been spawned, or the launch was dropped or has failed. Rejects with what a callback throws. */
  launch(launch: Launch): Promise<void>
}

/** @param shim path of the script, see installShim; `path` is searched for what it runs */
export function createLauncher(
  shim: string,
  bootId: string,
  { path, fenceFile }: { readonly path: string; readonly fenceFile: string },
): Launcher {
  const [ln, sleep, grep] = ['ln', 'sleep', 'grep'].map((tool) => findTool(tool, path)) as [
    string,
    string,
    string,
  ]
  const tools = { ln, sleep, grep, fenceFile }
  let turn: Promise<void> = Promise.resolve()
  return {
    launch(launch) {
      const own = turn.then(() => {
        if (launch.wanted()) spawnShim(shim, bootId, tools, launch)
        return new Promise<void>((resolve) => setImmediate(resolve))
      })
      // what goes wrong with one is its own: the next is spawned all the same
      turn = own.catch(() => {})
      return own
    },
  }
}

interface Tools {
  readonly ln: string
  readonly sleep: string
  readonly grep: string
  readonly fenceFile: string
}

function spawnShim(shim: string, bootId: string, tools: Tools, launch: Launch): void {
  const { paths, spec } = launch
  // a core dump would hold all that it has read
  const core = spec.material === undefined ? 'any' : 'none'
  const fence = spec.fenced ? tools.fenceFile : 'none'
  const { ln, sleep, grep } = tools
  const own = [paths.run, paths.stdout, paths.stderr, bootId, ln, core, fence, sleep, grep]
  const args = [shim, ...own, ...spec.command]
  try {
    if (!statSync(spec.workingDir, { throwIfNoEntry: false })?.isDirectory()) {
      launch.failed({ reason: 'exec', message: `its working directory ${spec.workingDir} is not there` })
      return
    }
    const child = spawn('/bin/sh', args, {
      cwd: spec.workingDir,
      env: { ...spec.env, ...launch.ownEnv, [MARKER]: paths.run },
      detached: true,
      stdio: 'ignore',
    })
    child.on('error', (error) => {
      if (child.pid === undefined) launch.failed(failureOf(error))
    })
    child.on('exit', (code) => launch.ended(code))
    child.unref()
  } catch (error) {
    launch.failed(failureOf(error))
  }
}

function failureOf(error: unknown): LaunchFailure {
  const { code, message } = error as NodeJS.ErrnoException
  const lacking = code === 'EAGAIN' || code === 'ENOMEM' || code === 'EMFILE' || code === 'ENFILE'
  return { reason: lacking ? 'resources' : 'exec', message }
}

/** The program's own PATH may lack it. */
function findTool(tool: string, path: string): string {
  const found = [...path.split(':'), '/bin', '/usr/bin', '/run/current-system/sw/bin']
    .filter((dir) => dir.startsWith('/'))
    .map((dir) => `${dir}/${tool}`)
    .find(isExecutable)
  return found ?? tool
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

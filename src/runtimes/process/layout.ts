/**
 * Where the process runtime keeps what, beneath its state directory:
 *
 *     process/lock.db              who owns the runtime, for as long as that process lives
 *     process/shim-<digest>.sh     what runs each program
 *     process/programs/<name>.json what is remembered of a program
 *     process/run/<name>.<n>.*     claim and exit of its n-th attempt
 *     process/fence                until when what is fenced may run
 *     process/materials            where in memory programs' material lies
 *     process/logs/<name>/<n>.*    output of its n-th attempt
 *     storage/<namespace>/<service>/<volume>/<ordinal>/
 *
 * A name is the id's parts joined by `_`, which none of them contains.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramId, VolumeId } from '../runtime.ts'

export interface Layout {
  readonly root: string
  readonly programs: string
  readonly run: string
  readonly logs: string
  readonly storage: string
  readonly lock: string
  /** A file with the name of a folder. */
  readonly materials: string
  /** Until when what is fenced may run. */
  readonly fence: string
}

export function layoutOf(stateDir: string): Layout {
  const root = join(stateDir, 'process')
  return {
    root,
    programs: join(root, 'programs'),
    run: join(root, 'run'),
    logs: join(root, 'logs'),
    storage: join(stateDir, 'storage'),
    lock: join(root, 'lock.db'),
    materials: join(root, 'materials'),
    fence: join(root, 'fence'),
  }
}

/** Makes the directories; only their owner may look into them, because specs hold environments. */
export function makeLayout(layout: Layout): void {
  for (const dir of [layout.root, layout.programs, layout.run, layout.logs, layout.storage])
    mkdirSync(dir, { recursive: true, mode: 0o700 })
}

/** The name of an id in the file system. */
export function fileNameOf(id: ProgramId): string {
  return `${id.namespace}_${id.service}_${id.templateHash}_${id.ordinal}_${id.program}`
}

export function recordPath(layout: Layout, name: string): string {
  return join(layout.programs, `${name}.json`)
}

/** One start of a program. Numbers only grow for a name, so that the file of one attempt is never that of another. */
export interface AttemptPaths {
  readonly name: string
  readonly attempt: number
  /** Prefix of its claim and exit; names the attempt on this machine, and marks its processes. */
  readonly run: string
  readonly claim: string
  readonly exit: string
  /** Written by the shim where the program could not be executed. */
  readonly refused: string
  readonly logDir: string
  readonly stdout: string
  readonly stderr: string
  /** When they were written. */
  readonly stamps: string
}

export function attemptPaths(layout: Layout, name: string, attempt: number): AttemptPaths {
  const run = join(layout.run, `${name}.${attempt}`)
  const logDir = join(layout.logs, name)
  return {
    name,
    attempt,
    run,
    claim: `${run}.claim`,
    exit: `${run}.exit`,
    refused: `${run}.refused`,
    logDir,
    stdout: join(logDir, `${attempt}.out`),
    stderr: join(logDir, `${attempt}.err`),
    stamps: join(logDir, `${attempt}.stamps`),
  }
}

/** `web.3.claim` → `web`, 3; undefined for what is no file of an attempt. Names may not hold dots, but need not be trusted. */
export function parseAttemptFile(
  file: string,
): { readonly name: string; readonly attempt: number } | undefined {
  const match = /^(.+)\.(\d+)\.[a-z]+$/.exec(file)
  return match?.[1] === undefined ? undefined : { name: match[1], attempt: Number(match[2]) }
}

export function storageDir(layout: Layout, volume: VolumeId): string {
  return join(layout.storage, volume.namespace, volume.service, volume.volume, String(volume.ordinal))
}

/**
 * Programs that lie where a protected service cannot see: beneath a home directory, or in /tmp. Their folders are bound
 * read-only to a place outside, and what names them is rewritten. Reads the file system, changes nothing.
 */
import { open, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { digest } from '../../core/ids.ts'
import type { ProgramSpec } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import { isProtected } from './hardening.ts'
import type { Bind } from './unit.ts'

const HOMES = ['/home', '/root', '/run/user']
const TEMPORARY = ['/tmp', '/var/tmp']
const MAX_SHEBANG_BYTES = 256

/** What has to be known of a file system. */
export interface Looks {
  /** The path without links; as it was given where it is not there. */
  realpath(path: string): Promise<string>
  /** Of a script, with its `#!`; undefined for any other file. */
  firstLine(file: string): Promise<string | undefined>
}

/** This machine's. What is not there is not hidden either: starting it says so. */
export const localLooks: Looks = { realpath: (path) => realpath(path).catch(() => path), firstLine }

export interface Shown {
  /** The spec as the service sees the machine. */
  readonly spec: ProgramSpec
  readonly binds: readonly Bind[]
}

/** `spec` made to run although what it runs from is hidden from it; unchanged where nothing is. */
export async function showHidden(
  spec: ProgramSpec,
  scope: ManagerScope,
  bindDir: string,
  looks: Looks = localLooks,
): Promise<Shown> {
  const roots = [
    ...(isProtected('ProtectHome', { scope, relax: spec.relax }) ? HOMES : []),
    ...(isProtected('PrivateTmp', { scope, relax: spec.relax }) ? TEMPORARY : []),
  ]
  if (roots.length === 0) return { spec, binds: [] }
  const plan = new BindPlan(roots, bindDir, looks)
  const workingDir = await plan.folder(spec.workingDir)
  const command = await withInterpreter(spec.command, roots, looks)
  const shown: string[] = []
  for (const [index, word] of command.entries()) {
    shown.push(index === 0 || isAbsolute(word) ? await plan.file(word) : word)
  }
  const path = await Promise.all((spec.env.PATH ?? '').split(':').map((folder) => plan.already(folder)))
  const [program = '', ...args] = shown
  return {
    spec: {
      ...spec,
      workingDir,
      command: [program, ...args],
      env: spec.env.PATH === undefined ? spec.env : { ...spec.env, PATH: path.join(':') },
    },
    binds: plan.binds(),
  }
}

/** A script whose interpreter is hidden is run by naming the interpreter: the script's first line cannot be rewritten. */
async function withInterpreter(
  command: ProgramSpec['command'],
  roots: readonly string[],
  looks: Looks,
): Promise<readonly string[]> {
  const first = await looks.firstLine(command[0])
  const match = first === undefined ? null : /^#!\s*(\S+)\s*(.*?)\s*$/.exec(first)
  if (match?.[1] === undefined) return command
  const interpreter = await looks.realpath(match[1])
  if (!isBeneath(interpreter, roots)) return command
  return [match[1], ...(match[2] ? [match[2]] : []), ...command]
}

class BindPlan {
  readonly #roots: readonly string[]
  readonly #bindDir: string
  readonly #looks: Looks
  readonly #binds = new Map<string, string>()

  constructor(roots: readonly string[], bindDir: string, looks: Looks) {
    this.#roots = roots
    this.#bindDir = bindDir
    this.#looks = looks
  }

  binds(): readonly Bind[] {
    return [...this.#binds].map(([from, to]) => ({ from, to }))
  }

  /** Where a folder is seen; binds it if it is hidden. */
  async folder(path: string): Promise<string> {
    const real = await this.#looks.realpath(path)
    if (!isBeneath(real, this.#roots)) return path
    return this.#seen(real) ?? this.#bind(real)
  }

  /**
   * Where a file is seen; binds its folder if it is hidden. A path through a link keeps its own name where its folder is
   * seen, since a Python environment is found by the name of its interpreter.
   */
  async file(path: string): Promise<string> {
    const real = await this.#looks.realpath(path)
    const named = join(await this.#looks.realpath(dirname(path)), path.slice(path.lastIndexOf('/') + 1))
    if (!isBeneath(real, this.#roots)) {
      return isBeneath(named, this.#roots) ? (this.#seen(named) ?? this.#within(named)) : path
    }
    if (named !== real && isBeneath(named, this.#roots) && this.#seen(named) && this.#seen(real))
      return this.#seen(named)!
    return this.#seen(real) ?? this.#within(real)
  }

  /** Where a folder is seen if it is bound; itself otherwise. */
  async already(path: string): Promise<string> {
    if (!isAbsolute(path)) return path
    const real = await this.#looks.realpath(path)
    return isBeneath(real, this.#roots) ? (this.#seen(real) ?? path) : path
  }

  #within(path: string): string {
    return join(this.#bind(dirname(path)), path.slice(path.lastIndexOf('/') + 1))
  }

  #seen(path: string): string | undefined {
    for (const [from, to] of this.#binds) {
      if (path === from) return to
      if (path.startsWith(`${from}/`)) return to + path.slice(from.length)
    }
    return undefined
  }

  #bind(from: string): string {
    const to = join(this.#bindDir, digest(from, 12))
    this.#binds.set(from, to)
    return to
  }
}

function isBeneath(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}/`))
}

async function firstLine(file: string): Promise<string | undefined> {
  const handle = await open(file).catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_SHEBANG_BYTES), 0, MAX_SHEBANG_BYTES, 0)
    const text = buffer.toString('utf8', 0, bytesRead)
    return text.startsWith('#!') ? text.split('\n', 1)[0] : undefined
  } finally {
    await handle.close()
  }
}

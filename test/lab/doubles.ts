/**
 * How often two of one ordinal run at once on different nodes, as the kernel sees it: by the processes in the units' control groups. What is
 * frozen runs nothing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { LabNode } from './node.ts'

const EVERY_MS = 100
const UNIT = /^nsctl-[a-z0-9-]+_([a-z0-9-]+)_[a-z0-9]+(?:_[a-z0-9-]+)?@(\d+)\.service$/

export interface Doubled {
  /** By service and ordinal of which two ran at once, for how long. */
  readonly forMs: ReadonlyMap<string, number>
}

export class DoublesWatch {
  readonly #nodes: readonly LabNode[]
  readonly #timer: NodeJS.Timeout
  #forMs = new Map<string, number>()
  #lastMs = performance.now()

  constructor(nodes: readonly LabNode[]) {
    this.#nodes = nodes
    this.#timer = setInterval(() => this.#look(), EVERY_MS)
  }

  /** What was seen since the start, or since this was last asked. */
  take(): Doubled {
    const forMs = this.#forMs
    this.#forMs = new Map()
    return { forMs }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const nowMs = performance.now()
    const sinceMs = nowMs - this.#lastMs
    this.#lastMs = nowMs
    const counts = new Map<string, number>()
    for (const node of this.#nodes.filter((one) => !one.isFrozen))
      for (const key of new Set(running(node))) counts.set(key, (counts.get(key) ?? 0) + 1)
    for (const [key, count] of counts)
      if (count > 1) this.#forMs.set(key, (this.#forMs.get(key) ?? 0) + sinceMs)
  }
}

/** `web 3` for each instance of which a process runs on the node. */
export function running(node: LabNode): readonly string[] {
  return unitsBeneath(join(node.controlGroup, 'nsctl.slice')).flatMap((path) => {
    const [, service, ordinal] = UNIT.exec(basename(path)) ?? []
    return service !== undefined && hasProcess(path) ? [`${service} ${ordinal}`] : []
  })
}

/** Groups of programs have slices of their own. */
function unitsBeneath(slice: string): readonly string[] {
  try {
    return readdirSync(slice, { withFileTypes: true })
      .filter((one) => one.isDirectory())
      .map(({ name }) => join(slice, name))
      .flatMap((path) => (path.endsWith('.slice') ? unitsBeneath(path) : [path]))
  } catch {
    return [] // there is none, or not any more
  }
}

function hasProcess(group: string): boolean {
  try {
    return readFileSync(join(group, 'cgroup.procs'), 'utf8') !== ''
  } catch {
    return false
  }
}

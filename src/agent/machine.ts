/** What a machine is and has, as its Node says it. */
import { existsSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { formatBytes, formatCpu } from '../core/quantity.ts'
import type { NodeAllocatable, NodeCapacity } from '../resources/generated/types.ts'

/** What of a machine is kept for its system. */
export interface Reserve {
  readonly cpuMillis: number
  readonly memoryBytes: number
}

/** In Node's names. */
export interface SystemFacts {
  readonly arch: string
  readonly platform: string
  readonly isNixos: boolean
}

export function localSystem(): SystemFacts {
  return { arch: process.arch, platform: process.platform, isNixos: existsSync('/etc/NIXOS') }
}

export interface Amounts {
  readonly cpuMillis: number
  readonly memoryBytes: number
}

const MAX_LABEL = 63
/** Kept where nobody says otherwise: a twentieth of the memory, a gibibyte at most. */
const RESERVED_PART = 0.05
const MAX_RESERVED_BYTES = 2 ** 30

/** Node's names of processors as Kubernetes has them, which has Go's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

export function thisMachine(): Amounts {
  return { cpuMillis: cpus().length * 1000, memoryBytes: totalmem() }
}

export function defaultReserve({ memoryBytes }: Amounts): Reserve {
  return { cpuMillis: 0, memoryBytes: Math.min(memoryBytes * RESERVED_PART, MAX_RESERVED_BYTES) }
}

/** What there is, and what instances may ask for of it. */
export function capacityOf(
  has: Amounts,
  reserve: Reserve,
): { readonly capacity: NodeCapacity; readonly allocatable: NodeAllocatable } {
  const left = {
    cpuMillis: Math.max(0, has.cpuMillis - reserve.cpuMillis),
    memoryBytes: Math.max(0, has.memoryBytes - reserve.memoryBytes),
  }
  return { capacity: amounts(has), allocatable: amounts(left) }
}

function amounts({ cpuMillis, memoryBytes }: Amounts): { readonly cpu: string; readonly memory: string } {
  return { cpu: formatCpu(cpuMillis), memory: formatBytes(memoryBytes) }
}

/**
 * The labels that a node has of itself: Kubernetes' well-known ones, so that selectors can be taken over, and what only matters here.
 * Set whenever it registers; whatever else people put on it stays.
 */
export function machineLabels(
  node: string,
  facts: SystemFacts = localSystem(),
): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/arch': ARCHITECTURES[facts.arch] ?? facts.arch,
    'kubernetes.io/os': facts.platform,
    ...(node.length > MAX_LABEL ? {} : { 'kubernetes.io/hostname': node }),
    'nsctl.dev/nixos': String(facts.isNixos),
  }
}

/** What uses how much, as tables. */
import { formatBytes } from '../../core/quantity.ts'
import type { Used } from '../../telemetry/scrape/usage.ts'
import { compareText } from '../sort.ts'
import { renderRows } from '../table.ts'
import { printable } from '../width.ts'
import type { InstanceFigures, NodeFigures, ServiceFigures } from './figures.ts'

export interface TopTableOptions {
  readonly noHeaders?: boolean
  /** NAMESPACE first, for -A. */
  readonly showNamespace?: boolean
}

/** What is not known, in kubectl's word. */
const UNKNOWN = '<unknown>'
/** What there is none of. */
const NONE = '-'

export function nodeTable(nodes: readonly NodeFigures[], { noHeaders = false }: TopTableOptions): string {
  const headings = ['NAME', 'CPU(cores)', 'CPU%', 'MEMORY(bytes)', 'MEMORY%', '']
  const rows = nodes.map(({ node, trouble, pressures, ...one }) => [
    ...[node, cpuText(one.cpuMillis), percentText(one.cpuPercent, UNKNOWN)],
    ...[bytesText(one.memoryBytes), percentText(one.memoryPercent, UNKNOWN)],
    printable([...pressures, ...(trouble === undefined ? [] : [trouble])].join(', ')),
  ])
  return renderRows(noHeaders ? rows : [headings, ...rows])
}

export function instanceTable(instances: readonly InstanceFigures[], options: TopTableOptions): string {
  const headings = ['NAME', 'NODE', 'CPU(cores)', 'CPU%', 'MEMORY(bytes)', 'MEMORY%', '']
  const rows = instances.map(({ namespace, instance, node, trouble = '', ...one }) => {
    // what it asks for is known, what it uses may not be
    const share = (value: number | undefined, used: number | undefined) =>
      percentText(value, used === undefined ? UNKNOWN : NONE)
    return named(namespace, options, [
      ...[instance, node, cpuText(one.cpuMillis), share(one.cpuPercent, one.cpuMillis)],
      ...[bytesText(one.memoryBytes), share(one.memoryPercent, one.memoryBytes)],
      printable(trouble),
    ])
  })
  return renderRows(options.noHeaders === true ? rows : [headed(headings, options), ...rows])
}

export function serviceTable(services: readonly ServiceFigures[], options: TopTableOptions): string {
  const headings = [
    'NAME',
    'MEASURED',
    'CPU(cores)',
    'MEMORY(bytes)',
    'MAX CPU',
    'MAX MEMORY',
    'MAX MEMORY%',
    '',
  ]
  const rows = services.map(({ namespace, service, instances, measured, highest, trouble = '', ...sums }) => {
    const missing = instances === 0 ? NONE : UNKNOWN
    return named(namespace, options, [
      ...[service, `${measured}/${instances}`, cpuText(sums.cpuMillis), bytesText(sums.memoryBytes)],
      ...[cpuText(highest.cpuMillis, missing), bytesText(highest.memoryBytes, missing)],
      percentText(highest.memoryPercent, measured === 0 ? missing : NONE),
      printable(trouble),
    ])
  })
  return renderRows(options.noHeaders === true ? rows : [headed(headings, options), ...rows])
}

function named(namespace: string, { showNamespace }: TopTableOptions, row: readonly string[]) {
  return showNamespace === true ? [namespace, ...row] : row
}

function headed(headings: readonly string[], options: TopTableOptions): readonly string[] {
  return named('NAMESPACE', options, headings)
}

function cpuText(millis: number | undefined, missing = UNKNOWN): string {
  return millis === undefined ? missing : `${millis}m`
}

function bytesText(bytes: number | undefined, missing = UNKNOWN): string {
  return bytes === undefined ? missing : formatBytes(bytes)
}

function percentText(percent: number | undefined, missing: string): string {
  return percent === undefined ? missing : `${percent}%`
}

/** The most first, and what is not known last; by name where no order is asked for. */
export function inOrder<T extends Used>(
  figures: readonly T[],
  by: 'cpu' | 'memory' | undefined,
  nameOf: (one: T) => string,
): readonly T[] {
  const amount = ({ cpuMillis, memoryBytes }: T) => (by === 'cpu' ? cpuMillis : memoryBytes) ?? -1
  return figures.toSorted(
    (a, b) => (by === undefined ? 0 : amount(b) - amount(a)) || compareText(nameOf(a), nameOf(b)),
  )
}

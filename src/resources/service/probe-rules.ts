/** Rules of readiness and liveness probes. */
import type { Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { durationIssue } from './field-rules.ts'
import type { ManifestProbe, ManifestTemplate } from './manifest-types.ts'

const WAYS = ['http', 'tcp', 'exec'] as const

export function probeIssues(
  probe: ManifestProbe,
  template: ManifestTemplate,
  path: Path,
): readonly FieldIssue[] {
  const ways = WAYS.filter((way) => probe[way] !== undefined)
  const issues: FieldIssue[] = []
  if (ways.length === 0) issues.push({ path, message: 'needs one of http, tcp and exec' })
  for (const way of ways.slice(1))
    issues.push({
      path: [...path, way],
      message: `cannot stand beside ${ways[0]}: give one of http, tcp and exec`,
    })
  for (const way of ['http', 'tcp'] as const) {
    if (probe[way] === undefined) continue
    if (template.network === 'none')
      issues.push({ path: [...path, way], message: 'cannot reach a program with network: none; use exec' })
    else issues.push(...portIssues(probe[way].port, template, [...path, way, 'port']))
  }
  if (probe.exec?.command[0]?.trim() === '')
    issues.push({ path: [...path, 'exec', 'command', 0], message: 'must name a program' })
  for (const name of ['initialDelay', 'period', 'timeout'] as const) {
    const issue = durationIssue(probe[name], [...path, name], { zero: name === 'initialDelay' })
    if (issue) issues.push(issue)
  }
  if (path.at(-1) === 'liveness' && probe.successThreshold !== undefined && probe.successThreshold !== 1)
    issues.push({
      path: [...path, 'successThreshold'],
      message: `must be 1 for liveness, not ${probe.successThreshold}: one success is life`,
      value: probe.successThreshold,
    })
  return issues
}

function portIssues(port: number | string, template: ManifestTemplate, path: Path): readonly FieldIssue[] {
  if (typeof port === 'number') {
    if (port >= 1 && port <= 65535) return []
    return [{ path, message: `must be a port from 1 to 65535, not ${port}`, value: port }]
  }
  const declared = template.ports ?? []
  const found = declared.find((one) => one.name === port)
  if (found === undefined)
    return [
      unknownPort(
        port,
        declared.map((one) => one.name),
        path,
      ),
    ]
  if (found.protocol === 'UDP')
    return [{ path, message: `names ${quote(port)}, which is a UDP port; use exec`, value: port }]
  return []
}

function unknownPort(port: string, names: readonly string[], path: Path): FieldIssue {
  if (/^\d+$/.test(port))
    return { path, message: `names no port; a number is written without quotes: ${port}`, value: port }
  const [suggestion] = nearest(port, names, 1)
  const known = names.length === 0 ? 'spec.template.ports is empty' : `ports are ${names.join(', ')}`
  return {
    path,
    message: `names no port: ${quote(port)} (${known})`,
    value: port,
    ...(suggestion === undefined ? {} : { suggestion }),
  }
}

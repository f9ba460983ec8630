/** Rules of probes. */
import type { Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import { checkDuration, type DurationRule, type Issues } from './field-rules.ts'
import type { ManifestProbe, ManifestTemplate } from './manifest-types.ts'

type ProbeName = 'readiness' | 'liveness' | 'startup' | 'busy'

const WAYS = ['http', 'tcp', 'exec'] as const
const INITIAL_DELAY: DurationRule = { member: 'initialDelay', leastMs: 0 }
const PERIOD: DurationRule = { member: 'period', leastMs: 1 }
const TIMEOUT: DurationRule = { member: 'timeout', leastMs: 1 }

/** `program` is the path of the program that has the probe. */
export function checkProbe(
  issues: Issues,
  probe: ManifestProbe | undefined,
  template: ManifestTemplate,
  place: { readonly program: Path; readonly name: ProbeName },
): void {
  if (probe === undefined) return
  const at = (...steps: readonly (string | number)[]): Path => [...place.program, place.name, ...steps]
  checkWays(issues, probe, at)
  if (probe.http !== undefined) checkPort(issues, probe.http.port, template, () => at('http'))
  if (probe.tcp !== undefined) checkPort(issues, probe.tcp.port, template, () => at('tcp'))
  if (probe.exec?.command[0]?.trim() === '')
    issues.push({ path: at('exec', 'command', 0), message: 'must name a program' })
  checkDuration(issues, probe.initialDelay, INITIAL_DELAY, at)
  checkDuration(issues, probe.period, PERIOD, at)
  checkDuration(issues, probe.timeout, TIMEOUT, at)
  const isOnce = place.name === 'liveness' || place.name === 'startup'
  if (isOnce && probe.successThreshold !== undefined && probe.successThreshold !== 1)
    issues.push({
      path: at('successThreshold'),
      message: `must be 1 for ${place.name}, not ${probe.successThreshold}: one success is ${place.name === 'startup' ? 'enough' : 'life'}`,
      value: probe.successThreshold,
    })
}

function checkWays(issues: Issues, probe: ManifestProbe, at: (...steps: readonly string[]) => Path): void {
  let given: string | undefined
  for (let index = 0; index < WAYS.length; index++) {
    const way = WAYS[index]!
    if (probe[way] === undefined) continue
    if (given === undefined) given = way
    else
      issues.push({
        path: at(way),
        message: `cannot stand beside ${given}: give one of http, tcp and exec`,
      })
  }
  if (given === undefined) issues.push({ path: at(), message: 'needs one of http, tcp and exec' })
}

function checkPort(
  issues: Issues,
  port: number | string,
  template: ManifestTemplate,
  pathOfWay: () => Path,
): void {
  if (template.network === 'none') {
    issues.push({ path: pathOfWay(), message: 'cannot reach a program with network: none; use exec' })
    return
  }
  const fault = portFault(port, template)
  if (fault !== undefined) issues.push({ path: [...pathOfWay(), 'port'], ...fault, value: port })
}

type PortFault = Pick<FieldIssue, 'message' | 'suggestion'>

function portFault(port: number | string, template: ManifestTemplate): PortFault | undefined {
  if (typeof port === 'number')
    return port >= 1 && port <= 65535 ? undefined : { message: `must be a port from 1 to 65535, not ${port}` }
  const declared = template.ports ?? []
  const found = portNamed(port, declared)
  if (found === undefined)
    return unknownPort(
      port,
      declared.map((one) => one.name),
    )
  return found.protocol === 'UDP'
    ? { message: `names ${quote(port)}, which is a UDP port; use exec` }
    : undefined
}

type ManifestPort = NonNullable<ManifestTemplate['ports']>[number]

/** Asked of every probe of every Service: by index, without a function for each. */
function portNamed(name: string, ports: readonly ManifestPort[]): ManifestPort | undefined {
  for (let at = 0; at < ports.length; at++) if (ports[at]!.name === name) return ports[at]
  return undefined
}

function unknownPort(port: string, names: readonly string[]): PortFault {
  if (/^\d+$/.test(port)) return { message: `names no port; a number is written without quotes: ${port}` }
  const [suggestion] = nearest(port, names, 1)
  const known = names.length === 0 ? 'spec.template.ports is empty' : `ports are ${names.join(', ')}`
  const message = `names no port: ${quote(port)} (${known})`
  return suggestion === undefined ? { message } : { message, suggestion }
}

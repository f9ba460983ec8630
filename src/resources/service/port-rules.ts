/** Rules of ports. */
import type { Path } from '../../core/json.ts'
import { findDuplicates, type Issues, TEMPLATE } from './field-rules.ts'
import type { ManifestTemplate } from './manifest-types.ts'

const PORTS: Path = [...TEMPLATE, 'ports']

export function checkPorts(issues: Issues, { ports, network }: ManifestTemplate): void {
  if (ports === undefined || ports.length === 0) return
  findDuplicates(issues, ports, TEMPLATE, 'ports')
  if (network === 'none') issues.push({ path: PORTS, message: 'cannot be reached with network: none' })
  let fixed: Map<string, number> | undefined
  for (let index = 0; index < ports.length; index++) {
    const { port, protocol = 'TCP', scheme } = ports[index]!
    if (protocol === 'UDP' && (scheme === 'http' || scheme === 'https'))
      issues.push({
        path: [...PORTS, index, 'scheme'],
        message: `${scheme} is not spoken over UDP`,
        value: scheme,
      })
    if (port === undefined) continue
    fixed ??= new Map()
    const earlier = fixed.get(`${protocol} ${port}`)
    if (earlier === undefined) fixed.set(`${protocol} ${port}`, index)
    else
      issues.push({
        path: [...PORTS, index, 'port'],
        message: `must be unique: ports[${earlier}] has ${port} too`,
        value: port,
      })
  }
}

/** Rules of `expose`. */
import type { Path } from '../../core/json.ts'
import { quote } from '../validation/words.ts'
import { exposureOf } from './exposure.ts'
import { checkDuration, type DurationRule, type Issues } from './field-rules.ts'
import type { ManifestSpec } from './manifest-types.ts'

const EXPOSE: Path = ['spec', 'expose']
const DRAIN: DurationRule = { member: 'drainTimeout', leastMs: 0 }

export function checkExpose(issues: Issues, { expose, template }: ManifestSpec): void {
  if (expose === undefined) return
  const { hosts, listen, tls, port } = exposureOf(expose, template.ports)
  const add = (member: string | undefined, message: string, value?: string) =>
    issues.push({
      path: member === undefined ? EXPOSE : [...EXPOSE, member],
      message,
      ...(value === undefined ? {} : { value }),
    })
  if (hosts.length === 0 && expose.listen === undefined) add(undefined, 'needs a domain, or where to listen')
  else if (hosts.length === 0 && tls !== 'off')
    add('tls', `${tls} needs a domain: a certificate is for a name`, tls)
  else if (tls === 'automatic' && expose.listen !== undefined && listen !== ':443')
    add('tls', 'automatic gets certificates at port 443 only; internal and off go with listen', tls)
  const number = Number(listen.slice(listen.lastIndexOf(':') + 1))
  if (number < 1 || number > 65_535)
    add('listen', `must be a port from 1 to 65535, not ${quote(expose.listen)}`, expose.listen)
  const found = template.ports?.find(({ name }) => name === port)
  if (port === undefined) add(undefined, 'needs a TCP port in spec.template.ports that is led to')
  else if (found === undefined) add('port', `no port is named ${quote(port)}`, port)
  else if (found.protocol === 'UDP') add('port', `${quote(port)} is UDP, and HTTP is spoken over TCP`, port)
  else if (found.scheme === 'https')
    add('port', `${quote(port)} is https, and the load balancer speaks plain HTTP to instances`, port)
  checkDuration(issues, expose.drainTimeout, DRAIN, (member) => [...EXPOSE, member])
}

/** Where a Service is reached, as `get` shows it: `http://127.0.0.1:20011 +1`, `tcp 20031, 20032`. Pure. */
import type { Instance, Service, ServicePort } from '../../resources/generated/types.ts'

const LOOPBACK = '127.0.0.1'
const HTTP_NAMES: ReadonlySet<string> = new Set(['http', 'web'])

/** What a port speaks: as it says, else as its name suggests, else plain TCP. */
export function schemeOf(port: ServicePort): 'http' | 'https' | 'tcp' {
  return port.scheme ?? (port.name === 'https' ? 'https' : HTTP_NAMES.has(port.name) ? 'http' : 'tcp')
}

/** The first port of each ready instance; undefined where the service has no ports or nothing is ready. */
export function addressesOf(
  service: Service,
  ready: readonly Instance[],
  addressOf: (node: string) => string | undefined,
): string | undefined {
  const port = service.spec.template.ports?.[0]
  if (port === undefined) return undefined
  const reached = ready
    .toSorted((a, b) => a.spec.ordinal - b.spec.ordinal)
    .flatMap(({ spec, status }) => {
      const given = status?.ports?.find(({ name }) => name === port.name)
      return given === undefined ? [] : [{ node: spec.node, number: given.port }]
    })
  const [first, ...others] = reached
  if (first === undefined) return undefined
  const scheme = schemeOf(port)
  if (scheme === 'tcp')
    return `${port.protocol === 'UDP' ? 'udp' : 'tcp'} ${reached.map(({ number }) => number).join(', ')}`
  return `${scheme}://${addressOf(first.node) ?? LOOPBACK}:${first.number}${others.length > 0 ? ` +${others.length}` : ''}`
}

/** Where a Service is reached, as `get` shows it: `http://127.0.0.1:20011 +1`, `tcp 20031, 20032`. Pure. */
import type { Instance, Service, ServicePort } from '../../resources/generated/types.ts'

const HTTP_NAMES: ReadonlySet<string> = new Set(['http', 'web'])

/** What a port speaks: as it says, else as its name suggests, else plain TCP. */
export function schemeOf(port: ServicePort): 'http' | 'https' | 'tcp' {
  return port.scheme ?? (port.name === 'https' ? 'https' : HTTP_NAMES.has(port.name) ? 'http' : 'tcp')
}

/** The first port of each ready instance; undefined where the service has no ports or nothing is ready. */
export function addressesOf(
  service: Service,
  ready: readonly Instance[],
  nodeAddress: string,
): string | undefined {
  const port = service.spec.template.ports?.[0]
  if (port === undefined) return undefined
  const numbers = ready
    .toSorted((a, b) => a.spec.ordinal - b.spec.ordinal)
    .flatMap((one) => one.status?.ports?.find((given) => given.name === port.name)?.port ?? [])
  const [first, ...others] = numbers
  if (first === undefined) return undefined
  const scheme = schemeOf(port)
  if (scheme === 'tcp') return `${port.protocol === 'UDP' ? 'udp' : 'tcp'} ${numbers.join(', ')}`
  return `${scheme}://${nodeAddress}:${first}${others.length > 0 ? ` +${others.length}` : ''}`
}

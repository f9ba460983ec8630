/** What a service is called in a catalog, and so in its DNS. Pure. */
import { digest } from '../core/ids.ts'

const DEFAULT_NAMESPACE = 'default'
const SEPARATOR = '--'
/** RFC 1035, section 2.3.4: a label of a domain name. */
const MAX_LABEL = 63
const HASH_LENGTH = 8
/** Consul's own servers are found under it. */
const TAKEN: ReadonlySet<string> = new Set(['consul'])

/**
 * `web` for the first port of the Service web in the namespace default, `web--shop` in the namespace shop, `web--shop--metrics`
 * (`web--default--metrics`) for another port: one label, never the same for two. Where two hyphens in a row stand in a part, or the
 * label would be too long, a hash tells it apart.
 *
 * @param port the port's name; left out for the Service's first, and for one without ports
 */
export function catalogServiceName(namespace: string, service: string, port?: string): string {
  const parts = [service]
  if (port !== undefined || namespace !== DEFAULT_NAMESPACE || TAKEN.has(service)) parts.push(namespace)
  if (port !== undefined) parts.push(port)
  const name = parts.join(SEPARATOR)
  if (name.length <= MAX_LABEL && parts.every((part) => !part.includes(SEPARATOR))) return name
  const hash = digest(parts.join('/'), HASH_LENGTH)
  // three hyphens: no name that needs no hash has them
  const room = MAX_LABEL - HASH_LENGTH - 3
  return `${name.slice(0, room).replace(/-+$/, '')}---${hash}`
}

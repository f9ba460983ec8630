/** Which Services wait for which. Pure. */
import { DEFAULT_NAMESPACE } from '../object.ts'

/** The part of a Service that says what it depends on. */
export interface Dependent {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined }
  readonly spec: { readonly dependsOn?: readonly { readonly service: string }[] | undefined }
}

/** `shop/web`, of a name as it may be written in `namespace`. */
export function serviceName(written: string, namespace: string | undefined): string {
  return written.includes('/') ? written : `${namespace ?? DEFAULT_NAMESPACE}/${written}`
}

export function nameOfService({ metadata }: Pick<Dependent, 'metadata'>): string {
  return serviceName(metadata.name, metadata.namespace)
}

/** `shop/db`, … in the order in which they are written. */
export function dependenciesOf({ metadata, spec }: Dependent): readonly string[] {
  return (spec.dependsOn ?? []).map(({ service }) => serviceName(service, metadata.namespace))
}

/** The way from a Service over its dependencies back to itself, both ends named; undefined where there is none. */
export function findCycle(
  start: string,
  dependenciesOf: (service: string) => readonly string[],
): readonly string[] | undefined {
  const seen = new Set<string>()
  const follow = (way: readonly string[]): readonly string[] | undefined => {
    for (const next of dependenciesOf(way.at(-1) ?? start)) {
      if (next === start) return [...way, next]
      if (seen.has(next)) continue
      seen.add(next)
      const found = follow([...way, next])
      if (found !== undefined) return found
    }
    return undefined
  }
  return follow([start])
}

/** `web → db → web`; names of other namespaces than the first one's are written in full. */
export function cycleText(cycle: readonly string[]): string {
  const [prefix] = (cycle[0] ?? '').split('/')
  return cycle.map((name) => shortName(name, prefix)).join(' → ')
}

/** As it is written in `namespace`. */
export function shortName(service: string, namespace: string | undefined): string {
  const prefix = `${namespace ?? DEFAULT_NAMESPACE}/`
  return service.startsWith(prefix) ? service.slice(prefix.length) : service
}

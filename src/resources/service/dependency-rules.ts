/** Rules of what a Service depends on, as far as it tells by itself. */
import { serviceName } from './dependencies.ts'
import type { Issues } from './field-rules.ts'
import type { ManifestService } from './manifest-types.ts'

export function checkDependencies(issues: Issues, { metadata, spec }: ManifestService): void {
  const { dependsOn } = spec
  if (dependsOn === undefined) return
  const first = new Map<string, number>()
  for (const [index, { service }] of dependsOn.entries()) {
    const path = ['spec', 'dependsOn', index, 'service']
    const name = serviceName(service, metadata?.namespace)
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, index)
    else
      issues.push({
        path,
        message: `must be unique: dependsOn[${earlier}] is that service too`,
        value: service,
      })
    if (name === serviceName(metadata?.name ?? '', metadata?.namespace))
      issues.push({ path, message: 'cannot be the service itself', value: service })
  }
}

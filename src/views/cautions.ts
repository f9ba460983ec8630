/** What is allowed, and better done otherwise. */
import type { ChangeResult } from '../api/api.ts'
import { formatCount } from '../core/words.ts'
import { mapAt, mapsAt, textAt } from './fields.ts'
import { objectName } from './names.ts'
import { printable } from './width.ts'

const SERVICES_NAMED = 3

/**
 * One line about all Services of `results` that now take a Secret as a variable and did not before; undefined where there is none.
 * Variables are handed on to whatever a program starts, and end up in its dumps.
 */
export function secretVariablesCaution(results: readonly ChangeResult[]): string | undefined {
  const services: string[] = []
  for (const { kind, verdict, object, before } of results) {
    if (kind.kind !== 'Service' || verdict === 'unchanged') continue
    const variables = secretVariables(object)
    if (variables.length === 0) continue
    const had = before === undefined ? [] : secretVariables(before)
    const fresh = variables.filter((one) => !had.includes(one))
    if (fresh.length > 0) services.push(printable(`${objectName(kind, object)} (${fresh.join(', ')})`))
  }
  if (services.length === 0) return undefined
  const shown = services.slice(0, SERVICES_NAMED).join(', ')
  const rest = services.length - SERVICES_NAMED
  const verb = services.length === 1 ? 'takes' : 'take'
  return `${formatCount(services.length, 'service')} ${verb} Secrets as variables, which everything they start sees: ${shown}${rest > 0 ? ` and ${rest} more` : ''}; files are safer: nsctl explain service.spec.template.secrets`
}

function secretVariables(object: unknown): readonly string[] {
  const template = mapAt(object, 'spec.template')
  const found: string[] = []
  for (const owner of [template, ...mapsAt(template, 'programs')]) {
    for (const one of mapsAt(owner, 'env'))
      if (mapAt(one, 'valueFrom.secretKeyRef') !== undefined) found.push(textAt(one, 'name') ?? '?')
    for (const one of mapsAt(owner, 'envFrom')) {
      const name = textAt(one, 'secretRef.name')
      if (name !== undefined) found.push(`all of secret/${name}`)
    }
  }
  return [...new Set(found)]
}

/** Rules of relaxing the hardening. */
import type { Path } from '../../core/json.ts'
import { type Issues, TEMPLATE } from './field-rules.ts'
import type { ManifestTemplate } from './manifest-types.ts'

const RELAX: Path = [...TEMPLATE, 'security', 'relax']
/** What DynamicUser= switches on whatever else a unit says (systemd.exec). */
const IMPLIED_BY_DYNAMIC_USER = ['PrivateTmp', 'RemoveIPC', 'NoNewPrivileges', 'RestrictSUIDSGID']

export function checkSecurity(issues: Issues, { security, runtime }: ManifestTemplate): void {
  const relax = security?.relax
  if (relax === undefined || runtime !== undefined || relax.includes('all') || relax.includes('DynamicUser'))
    return
  for (let index = 0; index < relax.length; index++) {
    const name = relax[index]!
    if (!IMPLIED_BY_DYNAMIC_USER.includes(name)) continue
    issues.push({
      path: [...RELAX, index],
      message: `has no effect: DynamicUser always brings ${name}; relax DynamicUser too (the service then runs as root), or leave ${name} out`,
      value: name,
    })
  }
}

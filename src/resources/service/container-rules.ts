/** Rules of programs in containers. */
import type { Path } from '../../core/json.ts'
import { quote } from '../validation/words.ts'
import { type Issues, TEMPLATE } from './field-rules.ts'
import type { ManifestTemplate } from './manifest-types.ts'

/** What the container has of its own, and no machine's is to be seen instead. */
const OWN = ['/', '/dev', '/proc', '/run', '/sys', '/tmp']
/** Of the protections, those that act on a container; all others it brings along. */
const RELAXABLE = ['all', 'NoNewPrivileges', 'LimitCORE']

export function checkContainer(issues: Issues, template: ManifestTemplate): void {
  const { runtime, root, closure } = template
  if (runtime === undefined) {
    for (const [name, value] of Object.entries({ root, closure }))
      if (value !== undefined)
        issues.push({
          path: [...TEMPLATE, name],
          message: 'acts with runtime: nspawn only; say that too',
          value,
        })
    return
  }
  if (root !== undefined) {
    checkPath(issues, root, [...TEMPLATE, 'root'])
    if (closure !== undefined)
      issues.push({ path: [...TEMPLATE, 'closure'], message: 'cannot be given with root: choose one' })
  }
  for (const [index, path] of (closure ?? []).entries())
    checkPath(issues, path, [...TEMPLATE, 'closure', index])
  checkRelaxed(issues, template)
}

function checkPath(issues: Issues, path: string, at: Path): void {
  if (path !== plainPath(path) || path.includes('\0'))
    issues.push({
      path: at,
      message: `must be a plain path, like ${quote(plainPath(path))}`,
      value: path,
    })
  else if (OWN.includes(path))
    issues.push({ path: at, message: `cannot be ${path}: a container has its own`, value: path })
}

/** Without steps, doubled slashes and one at the end. */
function plainPath(path: string): string {
  const steps: string[] = []
  for (const step of path.split('/'))
    if (step === '..') steps.pop()
    else if (step !== '' && step !== '.') steps.push(step)
  return `/${steps.join('/')}`
}

function checkRelaxed(issues: Issues, { security }: ManifestTemplate): void {
  for (const [index, name] of (security?.relax ?? []).entries())
    if (!RELAXABLE.includes(name))
      issues.push({
        path: [...TEMPLATE, 'security', 'relax', index],
        message: `has no effect with runtime: nspawn; leave ${name} out`,
        value: name,
      })
}

/** What the schema cannot say of a Service: rules between fields, and values that are well formed but cannot work. */
import type { FieldIssue } from '../kinds.ts'
import { checkContainer } from './container-rules.ts'
import { checkDependencies } from './dependency-rules.ts'
import { checkDisruption } from './disruption-rules.ts'
import { checkExpose } from './expose-rules.ts'
import type { Issues } from './field-rules.ts'
import type { ManifestService } from './manifest-types.ts'
import { checkMaterialFiles } from './material-rules.ts'
import { checkPlacement } from './placement-rules.ts'
import { checkPorts } from './port-rules.ts'
import { checkPrograms } from './program-rules.ts'
import { checkSecurity } from './security-rules.ts'
import { checkStorage } from './storage-rules.ts'
import { checkStrategy } from './strategy-rules.ts'
import { checkUpdate } from './update-rules.ts'

/** For objects that the schema has found sound; defaults may be filled in or not. Pure. */
export function serviceConstraints(object: unknown): readonly FieldIssue[] {
  const { spec } = object as ManifestService
  const issues: Issues = []
  checkPrograms(issues, spec)
  checkMaterialFiles(issues, spec)
  checkPorts(issues, spec.template)
  checkDisruption(issues, spec.disruption)
  checkSecurity(issues, spec.template)
  checkContainer(issues, spec.template)
  checkStorage(issues, spec.storage)
  checkUpdate(issues, spec.update)
  checkExpose(issues, spec)
  checkStrategy(issues, spec)
  checkDependencies(issues, object as ManifestService)
  checkPlacement(issues, spec)
  return issues
}

/** What the schema cannot say of a Service: rules between fields, and values that are well formed but cannot work. */
import type { FieldIssue } from '../kinds.ts'
import type { Issues } from './field-rules.ts'
import type { ManifestService } from './manifest-types.ts'
import { checkMaterialFiles } from './material-rules.ts'
import { checkPorts } from './port-rules.ts'
import { checkPrograms } from './program-rules.ts'
import { checkSecurity } from './security-rules.ts'
import { checkStorage } from './storage-rules.ts'
import { checkUpdate } from './update-rules.ts'

/** For objects that the schema has found sound; defaults may be filled in or not. Pure. */
export function serviceConstraints(object: unknown): readonly FieldIssue[] {
  const { spec } = object as ManifestService
  const issues: Issues = []
  checkPrograms(issues, spec)
  checkMaterialFiles(issues, spec)
  checkPorts(issues, spec.template)
  checkSecurity(issues, spec.template)
  checkStorage(issues, spec.storage)
  checkUpdate(issues, spec.update)
  return issues
}

/** Whether the versions of a user's kind make one kind: which of them is stored, and how each becomes that one. Pure. */
import type { Path } from '../../core/json.ts'
import { checkRules, propertyPath, type Side } from '../conversion/check-rules.ts'
import { defaultMisfits, type Misfit, requiredMisfits, typeMisfits } from '../conversion/check-schemas.ts'
import type { Rule } from '../conversion/rules.ts'
import type { DefinitionSpec, DefinitionVersion } from '../definition.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'

const VERSIONS: Path = ['spec', 'versions']
const CONVERSIONS: Path = ['spec', 'conversion', 'versions']

/** Of definitions whose schemas are structural. */
export function versionsIssues(spec: DefinitionSpec): readonly FieldIssue[] {
  const chosen = choiceIssues(spec)
  const issues = chosen.length > 0 ? chosen : conversionIssues(spec)
  const storage = spec.versions.find((version) => version.storage === true)
  if (issues.length > 0 || storage === undefined || spec.versions.length === 1) return issues
  return spec.versions.flatMap((version, index) =>
    version === storage ? [] : versionIssues(spec, version, storage, [...VERSIONS, index]),
  )
}

function choiceIssues({ versions }: DefinitionSpec): readonly FieldIssue[] {
  if (versions.length === 1) return onlyVersionIssues(versions[0]!)
  const issues: FieldIssue[] = []
  const names = versions.map(({ name }) => name)
  for (const [index, name] of names.entries())
    if (names.indexOf(name) < index)
      issues.push({ path: [...VERSIONS, index, 'name'], message: `${quote(name)} stands twice`, value: name })
  const stored = versions.filter(({ storage }) => storage === true).map(({ name }) => name)
  if (stored.length !== 1)
    issues.push({
      path: VERSIONS,
      message: `exactly one version must have storage: true, ${stored.length === 0 ? 'and none has' : `not ${stored.join(', ')}`}`,
    })
  if (versions.every(({ served }) => served === false))
    issues.push({ path: VERSIONS, message: 'at least one version must have served: true' })
  return issues
}

function onlyVersionIssues(version: DefinitionVersion): readonly FieldIssue[] {
  const wrong = version.served === false ? 'served' : version.storage === false ? 'storage' : undefined
  if (wrong === undefined) return []
  return [{ path: [...VERSIONS, 0, wrong], message: 'must be true: it is the only version', value: false }]
}

function conversionIssues({ versions, conversion }: DefinitionSpec): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const declared = conversion?.versions ?? []
  if (declared.length > 0 && conversion?.strategy === 'None')
    issues.push({ path: CONVERSIONS, message: 'rules need strategy: Declared' })
  for (const [index, { version }] of declared.entries()) {
    const known = versions.find(({ name }) => name === version)
    const message =
      known === undefined
        ? `there is no version ${quote(version)}; there is ${versions.map(({ name }) => name).join(', ')}`
        : known.storage === true || versions.length === 1
          ? `${quote(version)} is the stored version, which the rules of the others lead to`
          : declared.findIndex((one) => one.version === version) < index
            ? `${quote(version)} stands twice`
            : undefined
    if (message !== undefined)
      issues.push({ path: [...CONVERSIONS, index, 'version'], message, value: version })
  }
  return issues
}

/** All that keeps objects of `version` from being stored as `storage`, and from being shown in `version` again. */
function versionIssues(
  spec: DefinitionSpec,
  version: DefinitionVersion,
  storage: DefinitionVersion,
  path: Path,
): readonly FieldIssue[] {
  const own: Side = { version: version.name, schema: version.schema.openAPIV3Schema }
  const stored: Side = { version: storage.name, schema: storage.schema.openAPIV3Schema }
  const index = spec.conversion?.versions?.findIndex((one) => one.version === version.name) ?? -1
  let rules: readonly Rule[] = []
  if (index >= 0) {
    const declared = spec.conversion?.versions?.[index]?.rules ?? []
    const checked = checkRules(declared, own, stored, [...CONVERSIONS, index, 'rules'])
    if (checked.issues.length > 0) return checked.issues
    rules = checked.rules
  }
  const isDeclared = spec.conversion?.strategy === 'Declared'
  const misfits = [
    ...typeMisfits(own, stored, rules),
    ...requiredMisfits(own, stored, rules, 'forward'),
    ...defaultMisfits(own, stored, rules, 'forward'),
    // without rules a version need not be able to show what is stored, as in Kubernetes
    ...(isDeclared
      ? [
          ...requiredMisfits(stored, own, rules, 'backward'),
          ...defaultMisfits(stored, own, rules, 'backward'),
        ]
      : []),
  ]
  return misfits.map((misfit) => issueOf(misfit, path))
}

function issueOf({ steps, message }: Misfit, path: Path): FieldIssue {
  return { path: [...path, 'schema', 'openAPIV3Schema', ...propertyPath(steps)], message }
}

/** What the schema cannot say of a user's CustomResourceDefinition. */
import { isNsctlError } from '../../core/errors.ts'
import type { Path } from '../../core/json.ts'
import type { DefinitionSpec, DefinitionVersion } from '../definition.ts'
import { BUILT_IN_DEFINITIONS } from '../generated/kinds.ts'
import { compilePath } from '../jsonpath.ts'
import type { FieldIssue, Kind } from '../kinds.ts'
import { type AnyResource, GROUP } from '../object.ts'
import { quote } from '../validation/words.ts'
import { structureIssues } from './structure.ts'
import { versionsIssues } from './versions.ts'

interface Definition {
  readonly metadata: { readonly name: string }
  readonly spec: DefinitionSpec
}

/** For objects that the schema has found sound. Pure. */
export function definitionConstraints(object: unknown): readonly FieldIssue[] {
  const { metadata, spec } = object as Definition
  const expected = `${spec.names.plural}.${spec.group}`
  const issues: FieldIssue[] = []
  if (metadata.name !== expected)
    issues.push({
      path: ['metadata', 'name'],
      message: `must be <plural>.<group>, ${quote(expected)}, not ${quote(metadata.name)}`,
      value: metadata.name,
    })
  if (spec.group === GROUP || spec.group.endsWith(`.${GROUP}`))
    issues.push({
      path: ['spec', 'group'],
      message: `${GROUP} is nsctl's own; choose another group`,
      value: spec.group,
    })
  for (const name of ['perNode', 'statusApart', 'internal'] as const)
    if (spec[name] === true)
      issues.push({ path: ['spec', name], message: "is reserved for nsctl's own kinds", value: true })
  issues.push(
    ...nameConflicts(
      spec,
      BUILT_IN_DEFINITIONS.map(({ definition }) => definition.spec),
    ),
  )
  const ofVersions = spec.versions.flatMap((version, index) =>
    versionIssues(version, ['spec', 'versions', index]),
  )
  issues.push(...ofVersions)
  // schemas that are none cannot be compared
  if (ofVersions.length === 0) issues.push(...versionsIssues(spec))
  return issues
}

/** Names of a definition that another kind has, one of the user's included: all kinds as they are with it stored. */
export function definitionConflicts(definition: AnyResource, kinds: readonly Kind[]): readonly FieldIssue[] {
  const spec = definition.spec as unknown as DefinitionSpec
  const others = kinds.filter(({ group, plural }) => group !== spec.group || plural !== spec.names.plural)
  return nameConflicts(
    spec,
    others.map((kind) => ({ group: kind.group, names: kind })),
  )
}

/** A person or a reference, which holds only the kind's name, could not tell which is meant. */
function nameConflicts(
  spec: DefinitionSpec,
  others: readonly Pick<DefinitionSpec, 'group' | 'names'>[],
): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const { kind, plural, singular, shortNames = [] } = spec.names
  for (const other of others) {
    const taken = [
      other.names.plural,
      other.names.singular ?? other.names.kind.toLowerCase(),
      ...(other.names.shortNames ?? []),
    ]
    const clash = (steps: Path, name: string) =>
      issues.push({
        path: ['spec', 'names', ...steps],
        message: `${quote(name)} is taken by ${other.names.kind} (${other.group})`,
        value: name,
      })
    if (kind.toLowerCase() === other.names.kind.toLowerCase()) clash(['kind'], kind)
    if (taken.includes(plural)) clash(['plural'], plural)
    if (singular !== undefined && taken.includes(singular)) clash(['singular'], singular)
    for (const [index, name] of shortNames.entries())
      if (taken.includes(name)) clash(['shortNames', index], name)
  }
  return issues
}

function versionIssues(version: DefinitionVersion, path: Path): readonly FieldIssue[] {
  const issues: FieldIssue[] = []
  const scale = version.subresources?.scale?.specReplicasPath
  if (scale !== undefined && !/^\.spec(\.[A-Za-z_][A-Za-z0-9_]*)+$/.test(scale))
    issues.push({
      path: [...path, 'subresources', 'scale', 'specReplicasPath'],
      message: `must be a field beneath .spec such as .spec.replicas, not ${quote(scale)}`,
      value: scale,
    })
  for (const [index, column] of (version.additionalPrinterColumns ?? []).entries()) {
    const message = pathFault(column.jsonPath)
    if (message !== undefined)
      issues.push({
        path: [...path, 'additionalPrinterColumns', index, 'jsonPath'],
        message,
        value: column.jsonPath,
      })
  }
  return [
    ...issues,
    ...structureIssues(version.schema.openAPIV3Schema, [...path, 'schema', 'openAPIV3Schema']),
  ]
}

function pathFault(text: string): string | undefined {
  try {
    compilePath(text)
    return undefined
  } catch (error) {
    if (isNsctlError(error, 'Usage')) return `is no path: ${error.message}`
    throw error
  }
}

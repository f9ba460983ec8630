/** Rules of what a Service takes from Configs and Secrets: variables, and files with the names and places that programs see. */
import type { Path } from '../../core/json.ts'
import type { ServiceItems, ServiceStorage } from '../generated/types.ts'
import { configVariable, credentialName } from '../material-names.ts'
import { quote } from '../validation/words.ts'
import { isValueKey } from '../value-key.ts'
import { findDuplicates, type Issues, TEMPLATE } from './field-rules.ts'
import type { ManifestEnv, ManifestEnvFrom, ManifestFileRef, ManifestSpec } from './manifest-types.ts'
import { overlapFault, type Place, pathFault, placesOfStorage } from './storage-rules.ts'

/** What a file system takes as one name, and systemd as the name of a credential. */
const MAX_FILE_NAME = 255

/**
 * Where a variable's value comes from; `path` is the variable's. An empty value says nothing, as in Kubernetes: layout 2.0 has written one
 * into each variable without a value, where it stays when the manifest names an origin later.
 */
export function checkOriginOfValue(issues: Issues, { value, valueFrom }: ManifestEnv, path: Path): void {
  if (valueFrom === undefined) return
  const at = [...path, 'valueFrom']
  if (value !== undefined && value !== '')
    issues.push({ path: at, message: 'cannot stand beside value: give one of the two' })
  checkOneOf(issues, valueFrom, ['configKeyRef', 'secretKeyRef'], at)
  for (const member of ['configKeyRef', 'secretKeyRef'] as const)
    checkKey(issues, valueFrom[member]?.key, [...at, member, 'key'])
}

/** `path` is that of the program, or the template, that has the list. */
export function checkEnvFrom(
  issues: Issues,
  envFrom: readonly ManifestEnvFrom[] | undefined,
  path: Path,
): void {
  if (envFrom === undefined) return
  for (let index = 0; index < envFrom.length; index++) {
    const one = envFrom[index]!
    checkOneOf(issues, one, ['configRef', 'secretRef'], [...path, 'envFrom', index])
    if (one.prefix?.startsWith('nsctl__'))
      issues.push({
        path: [...path, 'envFrom', index, 'prefix'],
        message: "cannot begin with nsctl__: such names are nsctl's own",
        value: one.prefix,
      })
  }
}

/** The files of a whole template: all its programs see them. */
export function checkMaterialFiles(issues: Issues, { template, storage = [] }: ManifestSpec): void {
  const { configs, secrets } = template
  if (configs === undefined && secrets === undefined) return
  findDuplicates(issues, configs, TEMPLATE, 'configs')
  findDuplicates(issues, secrets, TEMPLATE, 'secrets')
  checkVariables(issues, configs ?? [])
  for (const [index, config] of (configs ?? []).entries())
    checkNames(issues, config, [...TEMPLATE, 'configs', index], ({ key, as = key }) => as, new Map())
  checkCredentials(issues, secrets ?? [])
  checkPaths(issues, placesOf(configs, secrets), storage)
}

function checkOneOf<T extends object>(
  issues: Issues,
  given: T,
  [first, second]: readonly [keyof T & string, keyof T & string],
  path: Path,
): void {
  const [isFirst, isSecond] = [given[first] !== undefined, given[second] !== undefined]
  if (isFirst && isSecond)
    issues.push({
      path: [...path, second],
      message: `cannot stand beside ${first}: give one of the two`,
    })
  else if (!isFirst && !isSecond) issues.push({ path, message: `needs one of ${first} and ${second}` })
}

function checkKey(issues: Issues, key: string | undefined, path: Path): void {
  if (key === undefined || isValueKey(key)) return
  issues.push({ path, message: `cannot be ${quote(key)}: no key is called that`, value: key })
}

/** Two Configs whose names differ in a dot and a dash have one variable. */
function checkVariables(issues: Issues, configs: readonly ManifestFileRef[]): void {
  if (configs.length < 2) return
  const first = new Map<string, number>()
  for (const [index, { name }] of configs.entries()) {
    const variable = configVariable(name)
    const earlier = first.get(variable)
    if (earlier === undefined) first.set(variable, index)
    else if (configs[earlier]!.name !== name)
      issues.push({
        path: [...TEMPLATE, 'configs', index, 'name'],
        message: `would be $${variable}, as configs[${earlier}] (${configs[earlier]!.name}) is`,
        value: name,
      })
  }
}

/** The names that items give their files. `taken` has those there are, each with its place, and gets the new ones. */
function checkNames(
  issues: Issues,
  { items }: ManifestFileRef,
  path: Path,
  nameOf: (item: ServiceItems) => string,
  taken: Map<string, string>,
): void {
  if (items === undefined) return
  const list = String(path.at(-2))
  for (const [index, item] of items.entries()) {
    const at = [...path, 'items', index]
    checkKey(issues, item.key, [...at, 'key'])
    const name = nameOf(item)
    const member = item.as === undefined ? 'key' : 'as'
    const earlier = taken.get(name)
    if (item.as === '.' || item.as === '..')
      issues.push({ path: [...at, 'as'], message: `cannot be ${quote(item.as)}: no file is called that` })
    else if (name.length > MAX_FILE_NAME)
      issues.push({
        path: [...at, member],
        message: `makes a file name of ${name.length} characters, more than ${MAX_FILE_NAME}; give a shorter one with as`,
      })
    else if (earlier === undefined) taken.set(name, `${list}[${path.at(-1)}].items[${index}]`)
    else
      issues.push({
        path: [...at, member],
        message: `must be unique: ${earlier} is the file ${quote(name)} too`,
        value: name,
      })
  }
}

/** The files of all Secrets lie in one directory. */
function checkCredentials(issues: Issues, secrets: readonly ManifestFileRef[]): void {
  const taken = new Map<string, string>()
  for (const [index, secret] of secrets.entries())
    checkNames(
      issues,
      secret,
      [...TEMPLATE, 'secrets', index],
      ({ key, as = credentialName(secret.name, key) }) => as,
      taken,
    )
  const whole = secrets.filter(({ items }) => items === undefined)
  if (whole.length === 0) return
  // which keys such a Secret will have is not known here
  for (const [index, { items = [] }] of secrets.entries())
    for (const [itemIndex, { as }] of items.entries()) {
      const other = as === undefined ? undefined : whole.find(({ name }) => as.startsWith(`${name}.`))
      if (other === undefined) continue
      issues.push({
        path: [...TEMPLATE, 'secrets', index, 'items', itemIndex, 'as'],
        message: `could be a key of secret ${other.name}, all of whose keys are files: choose another name`,
        value: as,
      })
    }
}

interface PlaceAt extends Place {
  readonly at: Path
}

function placesOf(
  configs: readonly ManifestFileRef[] | undefined,
  secrets: readonly ManifestFileRef[] | undefined,
): readonly PlaceAt[] {
  const listed = (list: 'configs' | 'secrets', refs: readonly ManifestFileRef[] = []) =>
    refs.flatMap(({ path }, index) =>
      path === undefined ? [] : [{ name: `${list}[${index}]`, at: [...TEMPLATE, list, index, 'path'], path }],
    )
  return [...listed('configs', configs), ...listed('secrets', secrets)]
}

function checkPaths(issues: Issues, places: readonly PlaceAt[], storage: readonly ServiceStorage[]): void {
  const seen: Place[] = [...placesOfStorage(storage)]
  for (const { at, name, path } of places) {
    const message = pathFault(path) ?? overlapFault(seen, path)
    if (message !== undefined) issues.push({ path: at, message, value: path })
    seen.push({ name, path })
  }
}

/** What is wrong with an object's metadata: the same rules as Kubernetes', in words of our own. */
import { isObject } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import { type FieldIssue, type Scope, UNKNOWN_FIELD } from '../kinds.ts'
import { EDGE_LABEL } from '../node.ts'
import { OWN_PREFIX } from '../object.ts'
import { ABORT, PROMOTE } from '../rollout-orders.ts'
import { POLL_REQUESTED } from '../scaler-annotations.ts'
import { typeIssue } from './words.ts'

/** What an object of a kind may be called. */
export interface NameRule {
  readonly maxLength: number
  /** True for DNS subdomains (dots), false for DNS labels. */
  readonly dots: boolean
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const MAX_ANNOTATIONS_BYTES = 64 * 1024

/** Service names end up in unit names and host names, hence 52; names of machines and of kinds have dots. */
export function nameRuleOf(kind: { readonly kind: string; readonly apiVersion: string }): NameRule {
  if (kind.apiVersion.startsWith('nsctl.dev/')) {
    if (kind.kind === 'Service') return { maxLength: 52, dots: false }
    if (kind.kind === 'Node' || kind.kind === 'CustomResourceDefinition')
      return { maxLength: 253, dots: true }
    if (kind.kind === 'Event' || kind.kind === 'Volume' || kind.kind === 'Instance')
      return { maxLength: 253, dots: true }
  }
  return { maxLength: 63, dots: false }
}

/** `member` is that of metadata. A path is made only where there is a fault: there may be thousands of objects. */
type Check = (value: unknown, member: string) => readonly FieldIssue[]

const SOUND: readonly FieldIssue[] = []

/** Every member that metadata may have, in a manifest or from the store. */
const MEMBERS: ReadonlyMap<string, Check> = new Map([
  ['name', () => SOUND],
  ['namespace', () => SOUND],
  ['labels', labelIssues],
  ['annotations', annotationIssues],
  ['uid', text],
  ['resourceVersion', text],
  ['generation', number],
  ['revision', number],
  ['creationTimestamp', textOrNull],
  ['deletionTimestamp', textOrNull],
  ['finalizers', list],
  ['ownerReferences', list],
  ['managedFields', list],
])

/** Whether `key` is a member that metadata may have. */
export function isKnownMetadata(key: string): boolean {
  return MEMBERS.has(key)
}

/** All that is wrong with `object.metadata`. Nothing where it is no object at all: the schema says so. */
export function metadataIssues(object: unknown, rule: NameRule, scope: Scope): readonly FieldIssue[] {
  const metadata = isObject(object) ? object.metadata : undefined
  if (!isObject(metadata)) return []
  const issues: FieldIssue[] = [...nameIssues(metadata.name, rule)]
  if (metadata.namespace !== undefined) issues.push(...namespaceIssues(metadata.namespace, scope))
  for (const key in metadata) {
    const check = MEMBERS.get(key)
    if (check !== undefined) {
      const found = check(metadata[key], key)
      if (found.length > 0) issues.push(...found)
    } else {
      const [suggestion] = nearest(key, [...MEMBERS.keys()], 1)
      issues.push({
        path: ['metadata', key],
        message: UNKNOWN_FIELD,
        ...(suggestion === undefined ? {} : { suggestion }),
      })
    }
  }
  return issues
}

function nameIssues(name: unknown, rule: NameRule): readonly FieldIssue[] {
  const message = typeof name === 'string' ? nameFault(name, rule) : undefined
  if (typeof name === 'string' && message === undefined) return SOUND
  const path = ['metadata', 'name']
  if (name === undefined) return [{ path, message: 'is required' }]
  return message === undefined ? [typeIssue(path, ['string'], name)] : [{ path, message, value: name }]
}

/** Why `name` is no name under `rule`, or undefined where it is one. Also for names that are typed in commands. */
export function nameFault(name: string, rule: NameRule): string | undefined {
  if (name === '') return 'must not be empty'
  if (name.length <= rule.maxLength && (rule.dots ? SUBDOMAIN : LABEL).test(name)) return undefined
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
  if (name.length > rule.maxLength)
    return `must have at most ${rule.maxLength} characters, not ${name.length}: ${shown}`
  return rule.dots
    ? `must be a DNS name (lower-case letters, digits, - and ., starting and ending with a letter or digit), not ${shown}`
    : `must be a DNS label (lower-case letters, digits and -, starting and ending with a letter or digit), not ${shown}`
}

function namespaceIssues(namespace: unknown, scope: Scope): readonly FieldIssue[] {
  const path = ['metadata', 'namespace']
  if (typeof namespace !== 'string') return [typeIssue(path, ['string'], namespace)]
  if (scope === 'Cluster')
    return [{ path, message: 'must be left out: objects of this kind are in no namespace', value: namespace }]
  const message = nameFault(namespace, { maxLength: 63, dots: false })
  return message === undefined ? [] : [{ path, message, value: namespace }]
}

function labelIssues(labels: unknown, member: string): readonly FieldIssue[] {
  return entryIssues(labels, member, labelValueFault)
}

function labelValueFault(value: string): string | undefined {
  if (value === '' || (value.length <= 63 && QUALIFIED_NAME.test(value))) return undefined
  return `must be a label value (at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit), not ${JSON.stringify(value)}`
}

function annotationIssues(annotations: unknown, member: string): readonly FieldIssue[] {
  const issues = entryIssues(annotations, member, undefined)
  if (issues.length > 0 || !isObject(annotations)) return issues
  let bytes = 0
  for (const key in annotations) bytes += key.length + Buffer.byteLength(String(annotations[key]))
  if (bytes <= MAX_ANNOTATIONS_BYTES) return []
  const path = ['metadata', member]
  return [{ path, message: `must have at most ${MAX_ANNOTATIONS_BYTES} bytes in all, not ${bytes}` }]
}

function entryIssues(
  entries: unknown,
  member: string,
  valueFault: ((value: string) => string | undefined) | undefined,
): readonly FieldIssue[] {
  if (entries === null || entries === undefined) return SOUND
  if (!isObject(entries)) return [typeIssue(['metadata', member], ['object'], entries)]
  let issues: FieldIssue[] | undefined
  for (const key in entries) {
    const value = entries[key]
    const keyMessage = labelKeyFault(key)
    const valueMessage = typeof value === 'string' ? valueFault?.(value) : undefined
    if (
      keyMessage === undefined &&
      valueMessage === undefined &&
      (typeof value === 'string' || value === null)
    )
      continue
    issues ??= []
    const path = ['metadata', member, key]
    if (keyMessage !== undefined) issues.push({ path, message: keyMessage })
    if (valueMessage !== undefined) issues.push({ path, message: valueMessage, value })
    if (typeof value !== 'string' && value !== null) issues.push(typeIssue(path, ['string'], value))
  }
  return issues ?? SOUND
}

/** Why `key` cannot be the key of a label or an annotation: `name` or `prefix/name`. */
export function labelKeyFault(key: string): string | undefined {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = slash < 0 ? key : key.slice(slash + 1)
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN.test(prefix)))
    return `the prefix before / must be a DNS name, not ${JSON.stringify(prefix)}`
  if (name.length > 63 || !QUALIFIED_NAME.test(name))
    return `a key must have at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit: ${JSON.stringify(name)}`
  return undefined
}

/** Labels and annotations of nsctl's own that `metadata` sets to something other than what is `stored`. */
export function ownPrefixIssues(
  metadata: { readonly labels?: unknown; readonly annotations?: unknown },
  stored?: { readonly labels?: unknown; readonly annotations?: unknown },
): readonly FieldIssue[] {
  const ofLabels = ownKeyIssues('labels', metadata.labels, stored?.labels)
  const ofAnnotations = ownKeyIssues('annotations', metadata.annotations, stored?.annotations)
  return ofLabels.length === 0 ? ofAnnotations : [...ofLabels, ...ofAnnotations]
}

function ownKeyIssues(member: string, given: unknown, kept: unknown): readonly FieldIssue[] {
  let issues: FieldIssue[] | undefined
  if (!isObject(given)) return SOUND
  for (const key in given) {
    if (!isOwnKey(key)) continue
    const value = given[key]
    if (isObject(kept) && Object.hasOwn(kept, key) && kept[key] === value) continue
    issues ??= []
    issues.push({
      path: ['metadata', member, key],
      message: `${OWN_PREFIX} is nsctl's own; choose another prefix`,
      value,
    })
  }
  return issues ?? SOUND
}

/** What people tell nsctl by annotations, and of a Node by a label. */
const ORDERS: ReadonlySet<string> = new Set([POLL_REQUESTED, PROMOTE, ABORT, EDGE_LABEL])

/** `nsctl.dev/x` and `anything.nsctl.dev/x`, but for what people ask by. */
function isOwnKey(key: string): boolean {
  const slash = key.indexOf('/')
  if (slash < 0 || ORDERS.has(key)) return false
  return key.startsWith(OWN_PREFIX) || key.slice(0, slash + 1).endsWith(`.${OWN_PREFIX}`)
}

function text(value: unknown, member: string): readonly FieldIssue[] {
  return typeof value === 'string' ? SOUND : [typeIssue(['metadata', member], ['string'], value)]
}

function textOrNull(value: unknown, member: string): readonly FieldIssue[] {
  return value === null ? SOUND : text(value, member)
}

function number(value: unknown, member: string): readonly FieldIssue[] {
  return typeof value === 'number' ? SOUND : [typeIssue(['metadata', member], ['integer'], value)]
}

function list(value: unknown, member: string): readonly FieldIssue[] {
  return Array.isArray(value) ? SOUND : [typeIssue(['metadata', member], ['array'], value)]
}

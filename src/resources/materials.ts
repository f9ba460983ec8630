/** What of Configs and Secrets a template names, at which versions that is, and whether it is all there. Pure. */
import { digest } from '../core/ids.ts'
import { canonicalJson } from '../core/json.ts'
import type {
  Config,
  Secret,
  SecretSealedValue,
  ServiceEnv,
  ServiceEnvFrom,
  ServiceFileRef,
  ServiceTemplate,
} from './generated/types.ts'

/** As many as templates' hashes have. */
const VERSION_LENGTH = 10
/** Leaves room in a name for what tells deliveries of one object apart. */
const MAX_NAME_LENGTH = 200

export type MaterialKind = 'Config' | 'Secret'

/** The content that a Config or a Secret had at one time. */
export interface Material {
  readonly kind: MaterialKind
  readonly name: string
  readonly version: string
}

/** A Config or a Secret as a template names it; once, however often it does. */
export interface MaterialRef {
  readonly kind: MaterialKind
  readonly name: string
  /** The keys that are named, in order; all where left out. */
  readonly keys?: readonly string[]
  /** Those of them without which nothing starts. */
  readonly required: readonly string[]
  /** It starts without the whole object. */
  readonly optional: boolean
  /** A change of it replaces instances. Otherwise it only reaches their files. */
  readonly restarts: boolean
}

/** A Config or a Secret that is not there, or not with all of its keys. */
export interface MissingMaterial {
  readonly kind: MaterialKind
  readonly name: string
  /** Keys that it lacks; none where it is not there at all. */
  readonly keys: readonly string[]
}

/** What matters of a Config or a Secret to what names it. */
export interface MaterialContent {
  readonly version: string
  /** Values by key, open or sealed. */
  readonly values: Readonly<Record<string, unknown>>
}

/** Finds objects of one namespace; undefined for what is not there, or has nothing to give yet. */
export type FindContent = (kind: MaterialKind, name: string) => MaterialContent | undefined

type ConfigContent = Pick<Config, 'spec'>
type SecretContent = Pick<Secret, 'spec' | 'status'>

/** Names a Config's content: equal for equal content, wherever in it a name stands. */
export function configVersion(config: ConfigContent): string {
  return digest(canonicalJson(configValues(config)), VERSION_LENGTH)
}

/** A Config's values, those of `data` and of `files`. */
export function configValues({ spec }: ConfigContent): Readonly<Record<string, string>> {
  return { ...spec.data, ...spec.files }
}

/** Names a Secret's values by the versions of its keys: sealing the same values to others leaves it as it is. */
export function secretVersion(secret: SecretContent): string {
  const versions = Object.entries(secretValues(secret) ?? {}).map(([key, { version }]) => [key, version])
  return digest(canonicalJson(Object.fromEntries(versions)), VERSION_LENGTH)
}

/** A Secret's sealed values by key: its own, else those fetched last; undefined where it waits to be fetched. */
export function secretValues({
  spec,
  status,
}: SecretContent): Readonly<Record<string, SecretSealedValue>> | undefined {
  return spec.sealed ?? status?.fetched ?? (spec.external === undefined ? {} : undefined)
}

/** Every Config and Secret that a template names, in order of kind and name. */
export function materialRefs(template: ServiceTemplate): readonly MaterialRef[] {
  const { env, envFrom, configs, secrets, programs } = template
  const uses = [...variableUses(env, envFrom), ...fileUses('Config', configs), ...fileUses('Secret', secrets)]
  for (const program of programs ?? []) uses.push(...variableUses(program.env, program.envFrom))
  if (uses.length === 0) return []
  const byObject = Map.groupBy(uses, materialKey)
  return [...byObject.keys()].sort().map((key) => merged(byObject.get(key) ?? []))
}

/** `Secret/db`: one text for each object of a namespace. */
export function materialKey({ kind, name }: { readonly kind: MaterialKind; readonly name: string }): string {
  return `${kind}/${name}`
}

/** One place of a template that names an object. */
type Use = Omit<MaterialRef, 'required'>

function variableUses(env: readonly ServiceEnv[] = [], envFrom: readonly ServiceEnvFrom[] = []): Use[] {
  const uses: Use[] = []
  for (const { valueFrom } of env) {
    if (valueFrom?.configKeyRef) uses.push(keyUse('Config', valueFrom.configKeyRef))
    if (valueFrom?.secretKeyRef) uses.push(keyUse('Secret', valueFrom.secretKeyRef))
  }
  for (const { configRef, secretRef } of envFrom) {
    if (configRef) uses.push({ kind: 'Config', ...configRef, restarts: true })
    if (secretRef) uses.push({ kind: 'Secret', ...secretRef, restarts: true })
  }
  return uses
}

function keyUse(
  kind: MaterialKind,
  { name, key, optional }: { readonly name: string; readonly key: string; readonly optional: boolean },
): Use {
  return { kind, name, keys: [key], optional, restarts: true }
}

function fileUses(kind: MaterialKind, refs: readonly ServiceFileRef[] = []): Use[] {
  return refs.map(({ name, items, optional, onChange }) => ({
    kind,
    name,
    ...(items && { keys: items.map(({ key }) => key) }),
    optional,
    restarts: onChange === 'restart',
  }))
}

function merged(uses: readonly Use[]): MaterialRef {
  const { kind, name } = uses[0] as Use
  const keysOf = (some: readonly Use[]) => [...new Set(some.flatMap(({ keys = [] }) => keys))].sort()
  return {
    kind,
    name,
    ...(uses.every(({ keys }) => keys !== undefined) && { keys: keysOf(uses) }),
    required: keysOf(uses.filter(({ optional }) => !optional)),
    optional: uses.every(({ optional }) => optional),
    restarts: uses.some(({ restarts }) => restarts),
  }
}

/** What the refs come to now. */
export interface ResolvedMaterials {
  /** All that are there, in order of kind and name. */
  readonly materials: readonly Material[]
  /** Those without which nothing starts. */
  readonly missing: readonly MissingMaterial[]
}

export function resolveMaterials(refs: readonly MaterialRef[], find: FindContent): ResolvedMaterials {
  const materials: Material[] = []
  const missing: MissingMaterial[] = []
  for (const { kind, name, required, optional } of refs) {
    const found = find(kind, name)
    if (found !== undefined) materials.push({ kind, name, version: found.version })
    const keys = required.filter((key) => found !== undefined && !Object.hasOwn(found.values, key))
    if (found === undefined ? !optional : keys.length > 0) missing.push({ kind, name, keys })
  }
  return { materials, missing }
}

export function configContent(config: ConfigContent): MaterialContent {
  return { version: configVersion(config), values: configValues(config) }
}

/** Undefined for a Secret that waits to be fetched. */
export function secretContent(secret: SecretContent): MaterialContent | undefined {
  const values = secretValues(secret)
  return values && { version: secretVersion(secret), values }
}

/**
 * What a template's hash takes in besides the template: the versions of all whose change replaces instances. Undefined where there is
 * none, so that a template that names no Config and no Secret has the hash that it always had.
 */
export function contentForHash(
  refs: readonly MaterialRef[],
  materials: readonly Material[],
): readonly Material[] | undefined {
  const restarting = new Set(refs.filter(({ restarts }) => restarts).map(materialKey))
  const content = materials.filter((one) => restarting.has(materialKey(one)))
  return content.length === 0 ? undefined : content
}

/** `secret/db (key password)`, `config/web, secret/db`: what is waited for. */
export function missingText(missing: readonly MissingMaterial[]): string {
  return missing
    .map(({ kind, name, keys }) => {
      const which = keys.length === 0 ? '' : ` (${keys.length === 1 ? 'key' : 'keys'} ${keys.join(', ')})`
      return `${kind.toLowerCase()}/${name}${which}`
    })
    .join(', ')
}

/** The Delivery of one material for one node: the same name for the same. */
export function deliveryName({ kind, name, version }: Material, node: string): string {
  return `${name.slice(0, MAX_NAME_LENGTH)}-${digest(canonicalJson([kind, name, version, node]), 10)}`
}

/** The edge between the version that somebody speaks and the one that is stored. Kinds with one version pass through untouched. */
import { formatPath, valueAt } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Operation } from '../store/store.ts'
import { changesBetween } from './changes.ts'
import type { Stored } from './codec.ts'
import type { Context } from './context.ts'
import { objectKey, type Target } from './keys.ts'
import { definitionName } from './live-kinds.ts'

/**
 * What is stored, in the version `kind` and with its defaults, with all that its next write needs.
 *
 * @throws NsctlError Unsupported where its version is not defined any more
 */
export function storedIn(kind: Kind, stored: Stored): Stored {
  const { family } = kind
  if (family === undefined) return stored
  const object = kind.withDefaults(family.convert(stored.object, kind, { forWriting: true }))
  // notes of defaults are of the version that is stored: they are not handed on, see `keptManifest`
  return { ...stored, object, filled: undefined, origin: { object: stored.object, filled: stored.filled } }
}

/**
 * What is stored, as a reader of `kind` sees it: with the defaults of that version. One whose version is not defined any more is
 * shown as it is.
 */
export function shownIn(kind: Kind, object: AnyResource): AnyResource {
  if (object.apiVersion === kind.apiVersion || kind.family?.knows(object.apiVersion) !== true) return object
  return kind.withDefaults(kind.family.convert(object, kind))
}

/** What was made for writing, as a reader sees it. */
export function shown({ family }: Kind, object: AnyResource): AnyResource {
  return family === undefined ? object : family.forReading(object)
}

/** `object` as it is stored, with the defaults of the stored version. */
export function asStored({ family }: Kind, object: AnyResource): AnyResource {
  if (family === undefined) return object
  return family.storage.withDefaults(family.convert(object, family.storage))
}

/**
 * What `next` comes to once it is stored and read again, in its own version. What that version cannot say stays as it is in
 * `live`.
 */
export function settled(kind: Kind, next: AnyResource, live: AnyResource | undefined): AnyResource {
  const { family } = kind
  if (family === undefined) return next
  const said = { ...next, apiVersion: kind.apiVersion } as AnyResource
  const whole = live === undefined ? said : family.withKept(said, live)
  return kind.withDefaults(family.convert(asStored(kind, whole), kind, { forWriting: true }))
}

/**
 * What is to be said of the version of the document `said`: that it is deprecated, and each field that is stored nowhere because the
 * stored version has no such field (strategy None).
 */
export function versionWarnings(
  kind: Kind,
  next: AnyResource,
  said: Readonly<Record<string, unknown>>,
): readonly string[] {
  const { family, deprecation } = kind
  const ofVersion = deprecation === undefined ? [] : [deprecation]
  if (family === undefined || kind === family.storage) return ofVersion
  const kept = family.convert(asStored(kind, next), kind)
  const dropped = changesBetween(next, kept, kind.schema)
    .filter(({ path, to }) => to === undefined && valueAt(said, path) !== undefined)
    .map(
      ({ path }) =>
        `${formatPath(path)} is not kept: ${family.storage.version}, which is stored, has no such field`,
    )
  return [...ofVersion, ...dropped]
}

/** What of `object` is accepted and does not act as written, each with the object's name. */
export function kindWarnings(
  { kind, name }: Pick<Target, 'kind' | 'name'>,
  object: AnyResource,
): readonly string[] {
  const warnings = kind.warnings(object)
  return warnings.length === 0 ? warnings : warnings.map((warning) => `${kind.singular}/${name}: ${warning}`)
}

/**
 * That the definition is still the one by which a write converts: a version that is taken away meanwhile must not be
 * written. Nothing where there is one version.
 */
export function definitionCheck({ kinds }: Pick<Context, 'kinds'>, kind: Kind): readonly Operation[] {
  if (kind.family === undefined) return []
  // one that comes with the set itself, and says what is stored, is not read from there
  const version = kind.family.definedAt ?? kinds.definitionVersion(kind)
  if (version === undefined) return []
  const target = {
    kind: kinds.byKind('CustomResourceDefinition'),
    namespace: undefined,
    name: definitionName(kind),
  }
  return [{ kind: 'check', key: objectKey(target), expect: Number(version) }]
}

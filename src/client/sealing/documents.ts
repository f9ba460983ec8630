/** Documents of Secrets, from what people write to what may be stored. */
import type { ApplyOptions, FailedManifest, Manifest } from '../../api/api.ts'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { isObject, type Path } from '../../core/json.ts'
import type { SecretSealedValue, SecretSpec } from '../../resources/generated/types.ts'
import { type AnyResource, DEFAULT_NAMESPACE } from '../../resources/object.ts'
import { openValue } from '../../secrets/value.ts'
import { type PlainIssue, type PlainSecret, plaintextOf } from './plaintext.ts'
import { isSameSet, type Place, type SealedValues, sealValues, tryOpen } from './seal.ts'
import { type Sealer, specOf } from './sealer.ts'

export interface SealingOptions extends Pick<ApplyOptions, 'dryRun' | 'namespace'> {
  /** Nothing stored is looked at. */
  readonly isNew?: boolean
}

export interface SealedSet {
  readonly sealed: readonly Manifest[]
  readonly failed: readonly (FailedManifest & { readonly error: NsctlError })[]
  /** What each of `sealed` was made of. */
  readonly originals: ReadonlyMap<Manifest, Manifest>
}

/** Seals those for which `isPlain` holds; what is wrong with one is no reason to leave out the others. */
export async function sealManifests(
  sealer: Sealer,
  manifests: readonly Manifest[],
  isPlain: (object: AnyResource) => boolean,
  options: SealingOptions,
): Promise<SealedSet> {
  const sealed: Manifest[] = []
  const failed: (FailedManifest & { readonly error: NsctlError })[] = []
  const originals = new Map<Manifest, Manifest>()
  const own = options.dryRun === true ? sealer.rehearsing() : sealer
  for (const manifest of manifests) {
    if (!isPlain(manifest.object)) {
      sealed.push(manifest)
      continue
    }
    try {
      const one = await sealManifest(own, manifest, options)
      sealed.push(one)
      originals.set(one, manifest)
    } catch (error) {
      if (!isNsctlError(error, 'Invalid', 'TooLarge')) throw error
      failed.push({ manifest, error })
    }
  }
  return { sealed, failed, originals }
}

/** @throws NsctlError Invalid, pointing at the place in the text, for what is no plain text; and what the sealer throws */
export async function sealManifest(
  sealer: Sealer,
  manifest: Manifest,
  options: SealingOptions,
): Promise<Manifest> {
  const plain = plaintextOf(manifest.object)
  if (plain.issues.length > 0) throw faultOf(manifest, plain.issues)
  const own = options.dryRun === true ? sealer.rehearsing() : sealer
  const found = options.isNew
    ? undefined
    : await sealer.stored({ kind: 'Secret', ...placeOf(plain.rest, options) })
  const live = found && specOf(found)
  const misplaced = await misplacedIn(plain.rest, live, own, options)
  if (misplaced.length > 0) throw faultOf(manifest, misplaced)
  const object = await sealPlain(own, plain, live, options)
  const { locate } = manifest
  const asWritten = (path: Path): Path => {
    const member = path[0] === 'spec' && path[1] === 'sealed' ? plain.members.get(String(path[2])) : undefined
    return member === undefined ? path : [member, path[2]!]
  }
  return {
    ...manifest,
    object,
    ...(locate === undefined ? {} : { locate: (path, onKey) => locate(asWritten(path), onKey) }),
  }
}

/** For an object in an editor: what it says itself of `spec.sealed` is what there is. */
export async function sealObject(
  sealer: Sealer,
  object: AnyResource,
  options: SealingOptions,
): Promise<AnyResource> {
  const plain = plaintextOf(object)
  if (plain.issues.length > 0) throw faultOf({ object, source: object.metadata.name }, plain.issues)
  if (plain.values.size === 0) return plain.rest
  const own = options.dryRun === true ? sealer.rehearsing() : sealer
  const spec = specOf(plain.rest)
  const { sealed, recipients, renewed } = await sealValues({
    ...placeOf(object, options),
    values: plain.values,
    stored: spec.sealed ?? {},
    storedFor: spec.recipients ?? [],
    recipients: () => own.recipients(),
    identities: await own.identities(),
    keepsEqual: true,
    others: 'reseal',
  })
  if (renewed.length === 0) return plain.rest
  return withSpec(plain.rest, { ...spec, sealed: { ...spec.sealed, ...sealed }, recipients })
}

async function sealPlain(
  sealer: Sealer,
  { values, rest }: PlainSecret,
  live: SecretSpec | undefined,
  options: SealingOptions,
): Promise<AnyResource> {
  const place = placeOf(rest, options)
  const own = specOf(rest)
  const given = await newestOf(own.sealed ?? {}, live, place, sealer)
  if (values.size === 0) {
    if (given !== undefined)
      return withSpec(rest, { ...own, sealed: given, recipients: live?.recipients ?? [] })
    const recipients = sharedBy(own.recipients ?? [], own, live, own.sealed ?? {})
    return own.sealed === undefined || recipients.length > 0 ? rest : withSpec(rest, { ...own, recipients })
  }
  const stored = live ?? own
  const identities = await sealer.identities()
  const result = await sealValues({
    ...place,
    values,
    stored: stored.sealed ?? {},
    storedFor: stored.recipients ?? [],
    recipients: () => sealer.recipients(),
    identities,
    keepsEqual: true,
    others: 'leave',
  })
  const name = `secret/${place.name}`
  for (const key of result.unopened)
    sealer.note(
      `${name}: what is stored as ${key} does not open with your identity, so that this counts as new`,
    )
  if (result.left.length > 0)
    sealer.note(
      `${name}: ${result.left.join(', ')} ${result.left.length === 1 ? 'stays' : 'stay'} sealed to the recipients of before: nsctl secret rekey ${place.name}`,
    )
  return withSpec(rest, {
    ...own,
    sealed: { ...own.sealed, ...result.sealed },
    recipients: sharedBy(result.recipients, own, live, result.sealed),
  })
}

/**
 * `recipients`, those of the keys of `sealed`, where all else that the Secret will have is sealed to the same; else none, so that a
 * rekey knows that there is work.
 */
function sharedBy(
  recipients: readonly string[],
  own: SecretSpec,
  live: SecretSpec | undefined,
  sealed: SealedValues,
): readonly string[] {
  const given = own.sealed ?? {}
  const isOther = (spec: SecretSpec | undefined, isCounted: (key: string) => boolean) =>
    Object.keys(spec?.sealed ?? {}).some(isCounted) && !isSameSet(spec?.recipients ?? [], recipients)
  const differs =
    isOther(own, (key) => !Object.hasOwn(sealed, key)) ||
    isOther(live, (key) => !Object.hasOwn(sealed, key) && !Object.hasOwn(given, key))
  return differs ? [] : recipients
}

/**
 * Values that were sealed for another place, or are damaged: found here where they can be opened, rather than by what needs them. What
 * is stored already is not looked at again.
 */
async function misplacedIn(
  object: AnyResource,
  live: SecretSpec | undefined,
  sealer: Sealer,
  options: SealingOptions,
): Promise<readonly PlainIssue[]> {
  const given = specOf(object).sealed
  if (!isObject(given)) return []
  const fresh = Object.entries(given as SealedValues).filter(
    ([key, entry]) => live?.sealed?.[key]?.age !== entry?.age,
  )
  const identities = fresh.length === 0 ? [] : await sealer.identities()
  if (identities.length === 0) return []
  const issues: PlainIssue[] = []
  for (const [key, entry] of fresh) {
    // what is no sealed value at all is named by the schema
    if (typeof entry?.age !== 'string' || typeof entry.version !== 'string') continue
    try {
      await openValue(entry, { ...placeOf(object, options), key }, identities)
    } catch (error) {
      if (!isNsctlError(error)) throw error
      if (error.code === 'Invalid') issues.push({ path: ['spec', 'sealed', key], message: error.message })
    }
  }
  return issues
}

/**
 * A manifest that was sealed once stays as it is in its repository, while what is stored is sealed to others meanwhile: where
 * both are the same values, what is stored is the newer. Undefined where that is not so.
 */
async function newestOf(
  given: SealedValues,
  live: SecretSpec | undefined,
  place: Omit<Place, 'key'>,
  sealer: Sealer,
): Promise<SealedValues | undefined> {
  const stored = live?.sealed ?? {}
  const keys = Object.keys(given)
  if (keys.length === 0 || live === undefined) return undefined
  const isSame = (key: string) => stored[key] !== undefined && stored[key].version === given[key]?.version
  if (!keys.every(isSame) || keys.every((key) => stored[key]?.age === given[key]?.age)) return undefined
  const identities = await sealer.identities()
  const opened = (entry: SecretSealedValue, key: string) => tryOpen(entry, { ...place, key }, identities)
  for (const key of keys) {
    const [one, other] = [await opened(given[key]!, key), await opened(stored[key]!, key)]
    if (one === undefined || other === undefined || Buffer.compare(one, other) !== 0) return undefined
  }
  sealer.note(
    `secret/${place.name}: the same values are stored, sealed anew since: nsctl secret seal -w -f brings the file up to date`,
  )
  return Object.fromEntries(keys.map((key) => [key, stored[key]!]))
}

function placeOf(object: AnyResource, options: SealingOptions): Omit<Place, 'key'> {
  const { name, namespace } = object.metadata
  return { name: String(name), namespace: namespace ?? options.namespace ?? DEFAULT_NAMESPACE }
}

function withSpec(object: AnyResource, spec: SecretSpec): AnyResource {
  return {
    ...object,
    spec: { ...(isObject(object.spec) ? object.spec : {}), ...spec },
  } as unknown as AnyResource
}

function faultOf(manifest: Manifest, faults: readonly PlainIssue[]): NsctlError {
  const issues = faults.map(({ path, message }) => {
    const place = manifest.locate?.(path, true)
    if (place === undefined) return `${manifest.source}: ${message}`
    return `${manifest.source}:${place.line}:${place.column}: ${message}\n${place.excerpt}`
  })
  const headline = issues[0]!.split('\n')[0]!
  return new NsctlError(
    'Invalid',
    issues.length === 1 ? headline : `${issues.length} faults in ${manifest.source}`,
    {
      issues,
      value: manifest.source,
    },
  )
}

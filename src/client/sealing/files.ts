/** Texts of manifests whose Secrets are sealed, and that are otherwise what they were: comments, order, other documents. */
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { SecretSealedValue } from '../../resources/generated/types.ts'
import { type Manifest, parseManifests } from '../../resources/manifest.ts'
import { type AnyResource, GROUP } from '../../resources/object.ts'
import { resealValue } from '../../secrets/value.ts'
import { sealManifest } from './documents.ts'
import { plaintextOf } from './plaintext.ts'
import { isSameSet } from './seal.ts'
import { type Sealer, specOf } from './sealer.ts'

export interface SealedText {
  /** What it was where nothing was to be done. */
  readonly text: string
  /** Secrets that were sealed, as they are now, and what they were made of. */
  readonly changed: readonly { readonly object: AnyResource; readonly before: AnyResource }[]
}

/**
 * Seals the Secrets of a text: plain values, and what is sealed to others than the present recipients and can be opened. Each says its
 * namespace from then on, since it is bound to it.
 *
 * @throws NsctlError as `parseManifests`, and as the sealer
 */
export async function sealText(
  input: Uint8Array,
  source: string,
  sealer: Sealer,
  namespace: string,
): Promise<SealedText> {
  const text = Buffer.from(input).toString('utf8')
  const manifests = await parseManifests(input, { source })
  const changed: { readonly object: AnyResource; readonly before: AnyResource }[] = []
  const sealed = new Map<number, AnyResource>()
  for (const [index, manifest] of manifests.entries()) {
    const object = await sealOne(manifest, sealer, namespace)
    if (object === undefined) continue
    sealed.set(index, object)
    changed.push({ object, before: manifest.object })
  }
  if (sealed.size === 0) return { text, changed }
  const made = /^\s*\{/.test(text) ? jsonText(manifests, sealed) : await yamlText(text, sealed, source)
  for (const { before } of changed) noteLeftovers(before, made, source, sealer)
  return { text: made, changed }
}

/** A shorter value is found by chance. */
const LEAST_CHARACTERS = 6

/** Somebody may have kept a value in a comment, or in another place of the file. */
function noteLeftovers(before: AnyResource, text: string, source: string, sealer: Sealer): void {
  for (const [key, value] of plaintextOf(before).values) {
    const plain = Buffer.from(value)
    const forms = [plain.toString('utf8').trim(), plain.toString('base64')]
    if (forms.some((form) => form.length >= LEAST_CHARACTERS && text.includes(form)))
      sealer.note(
        `warning: ${source}: the value of ${key} of secret/${before.metadata.name} stands in it still, in a comment or elsewhere: take it out before you commit it`,
      )
  }
}

/** Undefined where it stays as it is. */
async function sealOne(manifest: Manifest, sealer: Sealer, given: string): Promise<AnyResource | undefined> {
  const { object } = manifest
  if (object.kind !== 'Secret' || !String(object.apiVersion).startsWith(`${GROUP}/`)) return undefined
  const isPlain = object.stringData !== undefined || object.data !== undefined
  const { sealed = {} } = specOf(object)
  if (!isPlain && Object.keys(sealed).length === 0) return undefined
  const namespace = object.metadata.namespace ?? given
  const bound = { ...object, metadata: { ...object.metadata, namespace } }
  const made = await sealManifest(sealer, { ...manifest, object: bound }, { namespace })
  const moved = await resealed(made.object, namespace, sealer)
  const isSame = !isPlain && JSON.stringify(specOf(moved)) === JSON.stringify(specOf(object))
  return isSame ? undefined : moved
}

/** What of a Secret is not sealed to the present recipients, sealed to them: all of it, or nothing. */
async function resealed(object: AnyResource, namespace: string, sealer: Sealer): Promise<AnyResource> {
  const spec = specOf(object)
  const recipients = await sealer.recipients()
  if (isSameSet(recipients, spec.recipients ?? [])) return object
  const { name } = object.metadata
  const identities = await sealer.identities()
  const sealed: Record<string, SecretSealedValue> = {}
  try {
    for (const [key, entry] of Object.entries(spec.sealed ?? {}))
      sealed[key] = await resealValue(entry, { namespace, name, key }, identities, recipients)
  } catch (error) {
    if (!isNsctlError(error)) throw error
    sealer.note(`secret/${name} stays sealed to the recipients of before: ${error.message}`)
    return object
  }
  return { ...object, spec: { ...object.spec, sealed, recipients } } as unknown as AnyResource
}

/** Several documents one after the other, or the one. */
function jsonText(manifests: readonly Manifest[], sealed: ReadonlyMap<number, AnyResource>): string {
  return manifests
    .map(({ object }, index) => `${JSON.stringify(sealed.get(index) ?? object, null, 2)}\n`)
    .join('')
}

/** Documents in order, those of a List one by one: as `parseManifests` counts them. */
async function yamlText(
  text: string,
  sealed: ReadonlyMap<number, AnyResource>,
  source: string,
): Promise<string> {
  const { isMap, isSeq, parseAllDocuments } = await import('yaml')
  const documents = parseAllDocuments(text, { prettyErrors: false })
  if ('empty' in documents) return text
  const style = styleOf(text)
  let index = 0
  let end = 0
  return documents
    .map((document) => {
      const start = end
      end = document.range?.[2] ?? text.length
      const items = document.contents === null ? [] : itemsOf(document.contents)
      const first = index
      index += items.length
      const changes = items.map((node, at) => [node, sealed.get(first + at)] as const)
      if (changes.every(([, object]) => object === undefined)) return text.slice(start, end)
      for (const [node, object] of changes)
        if (object !== undefined && isMap(node)) rewrite(node, object, document)
      return written(document, style, source)
    })
    .join('')

  function itemsOf(contents: unknown): readonly unknown[] {
    if (
      !isMap(contents) ||
      String(contents.get('kind')) !== 'List' ||
      String(contents.get('apiVersion')) !== 'v1'
    )
      return [contents]
    const items = contents.get('items')
    return isSeq(items) ? items.items : []
  }
}

/** What an alias stands for may have been among what was sealed. */
function written(
  document: { toString(style: ReturnType<typeof styleOf>): string },
  style: ReturnType<typeof styleOf>,
  source: string,
): string {
  try {
    return document.toString(style)
  } catch (cause) {
    throw new NsctlError('Invalid', `${source}: an alias refers to what is sealed now`, {
      value: source,
      next: 'write it out in both places',
      cause,
    })
  }
}

/** As the rest of the text has it. */
function styleOf(text: string): { lineWidth: number; indentSeq: boolean; flowCollectionPadding: boolean } {
  return {
    lineWidth: 0,
    indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /m.test(text),
    flowCollectionPadding: !/[{[][^\s}\]]/.test(text),
  }
}

function rewrite(node: YamlMap, object: AnyResource, document: Pick<YamlDocument, 'createNode'>): void {
  for (const member of ['stringData', 'data', 'immutable', 'type'])
    if (!(member in object)) node.delete(member)
  for (const member of ['metadata', 'spec'])
    if (isObject(object[member])) setMembers(node, [member], object[member], document)
}

type YamlMap = InstanceType<typeof import('yaml')['YAMLMap']>
type YamlDocument = InstanceType<typeof import('yaml')['Document']>

/** Writes what differs, and leaves the rest of the text and its comments alone. */
function setMembers(
  map: YamlMap,
  path: readonly string[],
  members: Readonly<Record<string, unknown>>,
  document: Pick<YamlDocument, 'createNode'>,
): void {
  for (const [key, value] of Object.entries(members)) {
    const at = [...path, key]
    const there = map.getIn(at) as { toJSON?: () => unknown } | undefined
    const now = typeof there === 'object' && there !== null && there.toJSON ? there.toJSON() : there
    if (JSON.stringify(now) !== JSON.stringify(value)) map.setIn(at, document.createNode(value))
  }
}

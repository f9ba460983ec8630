/**
 * Seals what a Secret's document says in plain text before it goes to the api: every store, record and message behind it sees
 * ciphertext only. What seals is loaded with the first Secret that needs it.
 */
import type {
  ApplyOptions,
  ApplyResult,
  ChangeResult,
  FailedManifest,
  Manifest,
  Verdict,
} from '../api/api.ts'
import { isObject, type Json } from '../core/json.ts'
import { type AnyResource, GROUP, type ObjectRef } from '../resources/object.ts'
import type { Client } from './client.ts'
import type { Sealer } from './sealing/sealer.ts'

/** The same client, whose writes seal first. `sealer` is called with the first document that has something to seal. */
export function withSealing(client: Client, sealer: () => Promise<Sealer>): Client {
  return {
    ...client,
    // a getter is not copied: kinds must stay the newest
    get kinds() {
      return client.kinds
    },
    apply: (manifests, options) => applySealed(client, sealer, manifests, options),
    async create(manifest, options) {
      return client.create(
        isPlain(manifest.object) ? await sealOne(sealer, manifest, options) : manifest,
        options,
      )
    },
    async replace(object, options) {
      if (!isPlain(object)) return client.replace(object, options)
      const { sealObject } = await import('./sealing/documents.ts')
      return client.replace(await sealObject(await sealer(), object, options), options)
    },
    async rollback(ref, options) {
      const result = await client.rollback(ref, options)
      if (ref.kind !== 'Secret' || result.verdict === 'unchanged') return result
      const { noteOlderRecipients } = await import('./sealing/recipients.ts')
      await noteOlderRecipients(client, result.object, (await sealer()).note)
      return result
    },
    patch: (ref, type, patch, options) =>
      ref.kind === 'Secret'
        ? patchSealed(client, sealer, { ref, type, patch, options })
        : client.patch(ref, type, patch, options),
  }
}

/** True for a Secret of ours that may have something to seal, or of which the store may have a newer sealing. */
function isPlain(object: AnyResource): boolean {
  if (object.kind !== 'Secret' || !String(object.apiVersion).startsWith(`${GROUP}/`)) return false
  return object.stringData !== undefined || object.data !== undefined || isObject(object.spec?.sealed)
}

async function sealOne(
  sealer: () => Promise<Sealer>,
  manifest: Manifest,
  options: ApplyOptions,
): Promise<Manifest> {
  const { sealManifest } = await import('./sealing/documents.ts')
  return sealManifest(await sealer(), manifest, { ...options, isNew: true })
}

async function applySealed(
  client: Client,
  sealer: () => Promise<Sealer>,
  manifests: readonly Manifest[],
  options: ApplyOptions,
): Promise<ApplyResult> {
  if (!manifests.some(({ object }) => isPlain(object))) return client.apply(manifests, options)
  const { sealManifests } = await import('./sealing/documents.ts')
  const { sealed, failed, originals } = await sealManifests(await sealer(), manifests, isPlain, options)
  if (failed.length > 0 && options.partial !== true) {
    const { combineFaults } = await import('./manifests.ts')
    const errors = failed.map(({ error }) => error)
    throw combineFaults(errors, 'nothing was applied')
  }
  const result = await client.apply(sealed, options)
  const asGiven = (one: FailedManifest) => ({ ...one, manifest: originals.get(one.manifest) ?? one.manifest })
  return { results: result.results, failed: [...failed, ...result.failed.map(asGiven)] }
}

export interface PatchRequest {
  readonly ref: ObjectRef
  readonly type: Parameters<Client['patch']>[1]
  readonly patch: Json
  readonly options: ApplyOptions & { readonly verb?: Verdict }
}

async function patchSealed(
  client: Client,
  sealer: () => Promise<Sealer>,
  request: PatchRequest,
): Promise<ChangeResult> {
  const { patchSecret } = await import('./sealing/patch.ts')
  return patchSecret(client, sealer, request)
}

/** Patches of Secrets that say values in plain text. */
import type { ChangeResult } from '../../api/api.ts'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { isObject, type Json } from '../../core/json.ts'
import { type AnyResource, refText } from '../../resources/object.ts'
import type { Client } from '../client.ts'
import type { PatchRequest } from '../sealing.ts'
import { plaintextOf } from './plaintext.ts'
import { sealValues } from './seal.ts'
import { type Sealer, specOf } from './sealer.ts'

const TRIES = 5

/**
 * `stringData` and `data` of a patch of type merge or strategic become `spec.sealed`; a null takes a key away.
 *
 * @throws NsctlError Invalid for a list of operations on what is not stored as plain text, NotFound
 */
export async function patchSecret(
  client: Client,
  sealer: () => Promise<Sealer>,
  request: PatchRequest,
): Promise<ChangeResult> {
  const { ref, type, patch, options } = request
  if (Array.isArray(patch)) refuseOperations(patch, refText(ref))
  if (!isObject(patch) || (patch.stringData === undefined && patch.data === undefined))
    return client.patch(ref, type, patch, options)
  const { name, namespace = '' } = ref
  const { gone, rest, values } = read(patch, refText(ref))
  const own = options.dryRun === true ? (await sealer()).rehearsing() : await sealer()
  for (let triesLeft = TRIES; ; triesLeft--) {
    const live = await client.get(ref)
    const spec = specOf(live)
    const result = await sealValues({
      name,
      namespace,
      values,
      stored: Object.fromEntries(Object.entries(spec.sealed ?? {}).filter(([key]) => !gone.includes(key))),
      storedFor: spec.recipients ?? [],
      recipients: () => own.recipients(),
      identities: await own.identities(),
      keepsEqual: true,
      others: 'reseal',
    })
    const sealed = { ...result.sealed, ...Object.fromEntries(gone.map((key) => [key, null])) }
    const { metadata, spec: more } = rest as { readonly metadata?: object; readonly spec?: object }
    const version = live?.metadata.resourceVersion
    const sealedPatch = {
      ...rest,
      // made for what was looked at
      metadata: { ...(version === undefined ? {} : { resourceVersion: version }), ...metadata },
      spec: { ...more, sealed, ...(result.renewed.length === 0 ? {} : { recipients: result.recipients }) },
    }
    try {
      return await client.patch(ref, type, sealedPatch as unknown as Json, options)
    } catch (error) {
      if (!isNsctlError(error, 'Conflict') || triesLeft <= 1) throw error
    }
  }
}

interface PlainPatch {
  readonly values: ReadonlyMap<string, Uint8Array>
  readonly gone: readonly string[]
  readonly rest: Readonly<Record<string, unknown>>
}

function read(patch: Readonly<Record<string, unknown>>, name: string): PlainPatch {
  const { stringData, data, ...rest } = patch
  const gone: string[] = []
  const kept: Record<string, Record<string, unknown>> = {}
  for (const [member, map] of Object.entries({ stringData, data })) {
    if (!isObject(map)) continue
    kept[member] = Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null))
    for (const [key, value] of Object.entries(map)) if (value === null) gone.push(key)
  }
  const { issues, values } = plaintextOf({ metadata: { name }, ...kept } as unknown as AnyResource)
  if (issues.length > 0)
    throw new NsctlError('Invalid', `the patch of ${name}: ${issues[0]!.message}`, {
      issues: issues.map(({ message }) => `the patch of ${name}: ${message}`),
    })
  return { values, gone, rest }
}

function refuseOperations(operations: readonly unknown[], name: string): void {
  for (const one of operations) {
    const path = isObject(one) ? String(one.path) : ''
    if (!/^\/(stringData|data)(\/|$)/.test(path) && path !== '') continue
    throw new NsctlError('Invalid', `${name} holds no plain text that operations could change`, {
      next: `write it like -p '{"stringData":{"KEY":"VALUE"}}', or use nsctl secret rotate`,
    })
  }
}

/** The identities of this user: the operator's, and where he has the store in his own folder, the control plane's. */
import { existsSync } from 'node:fs'
import { isNsctlError } from '../../core/errors.ts'
import {
  type Identity,
  identityAt,
  makeIdentityFile,
  newIdentity,
  readIdentities,
} from '../../secrets/identity.ts'

export interface IdentityPlaces {
  /** The operator's identity, made where there is none; undefined where none is to be used. */
  readonly identityFile: string | undefined
  /** More identities to open with, as files. */
  readonly identities?: readonly string[]
  /** Where the control plane of this store has its identity, if that is this user's own. */
  readonly controlPlaneFile?: string | undefined
  /** Writes nothing anywhere. */
  readonly isRehearsal?: boolean
}

/** All that there are; none is made. */
export async function readOwn({
  identityFile,
  identities,
  controlPlaneFile,
}: IdentityPlaces): Promise<readonly Identity[]> {
  const found: Identity[] = []
  for (const path of identities ?? []) found.push(...(await readIdentities(path)))
  if (identityFile !== undefined && existsSync(identityFile))
    found.push(...(await readIdentities(identityFile)))
  // of the embedded store the control plane is this user
  if (controlPlaneFile !== undefined && existsSync(controlPlaneFile))
    found.push(...(await readIdentities(controlPlaneFile).catch(unlessAnothers)))
  return found
}

export interface OwnKey {
  readonly key: string
  /** It was made just now. */
  readonly isNew: boolean
}

/** The operator's, made where it is missing; undefined where he is to have none. */
export async function operatorKey({
  identityFile,
  isRehearsal,
}: IdentityPlaces): Promise<OwnKey | undefined> {
  if (identityFile === undefined) return undefined
  if (existsSync(identityFile)) {
    const [first] = await readIdentities(identityFile)
    return first && { key: first.recipient, isNew: false }
  }
  if (isRehearsal) return { key: (await newIdentity()).recipient, isNew: true }
  const made = await makeIdentityFile(identityFile).catch((error: unknown) => {
    // another command of this user was faster
    if (isNsctlError(error, 'AlreadyExists')) return identityAt(identityFile)
    throw error
  })
  return { key: made.recipient, isNew: true }
}

/** The control plane's, where it is this user's; with `makes` it is made where it is missing. */
export async function controlPlaneKey(
  { controlPlaneFile, isRehearsal }: IdentityPlaces,
  makes: boolean,
): Promise<string | undefined> {
  if (controlPlaneFile === undefined) return undefined
  if (existsSync(controlPlaneFile))
    return (await readIdentities(controlPlaneFile).catch(unlessAnothers))[0]?.recipient
  if (!makes) return undefined
  return (isRehearsal ? await newIdentity() : await identityAt(controlPlaneFile)).recipient
}

/** A control plane that another user runs keeps its identity for itself. */
function unlessAnothers(error: unknown): readonly Identity[] {
  if (isNsctlError(error, 'Failed')) return []
  throw error
}

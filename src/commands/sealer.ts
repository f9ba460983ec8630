/** The sealer of a command line: where this user's identity and the recipients that he knows are. */
import { hostname } from 'node:os'
import type { Client } from '../client/client.ts'
import { createSealer, type Sealer } from '../client/sealing/sealer.ts'
import { controlPlaneIdentityOf, identityFileOf, knownRecipientsOf, pathsOf } from '../main/paths.ts'
import type { CommandContext } from './context.ts'

export interface SealerChoice {
  /** Identities to open with besides this user's own, as files. */
  readonly identities?: readonly string[]
  /** Seals to these, whatever the store says. */
  readonly recipients?: readonly string[]
  /** Writes nothing anywhere, also where something is sealed. */
  readonly isRehearsal?: boolean
  /** Seals to an identity that is made for it and forgotten, and opens nothing. */
  readonly isAlone?: boolean
}

/** `$NSCTL_IDENTITY=none`: no identity is used, and none is made. For machines that only seal. */
const NO_IDENTITY = 'none'

export async function openSealer(
  client: Client,
  { env, userName }: Pick<CommandContext, 'env' | 'userName'>,
  { isAlone, ...choice }: SealerChoice & { readonly note: (text: string) => void },
): Promise<Sealer> {
  if (isAlone === true) return openLonely(client, choice.note)
  const isEmbedded = client.storeUrl === `sqlite:${pathsOf(env).storeFile}`
  return createSealer(client, {
    ...choice,
    identityFile: env.NSCTL_IDENTITY === NO_IDENTITY ? undefined : identityFileOf(env),
    knownFile: knownRecipientsOf(env),
    // whoever has the embedded store is its control plane too, now or later
    controlPlaneFile: isEmbedded ? controlPlaneIdentityOf(env) : undefined,
    userName,
    host: hostname(),
  })
}

async function openLonely(client: Client, note: (text: string) => void): Promise<Sealer> {
  const { newIdentity } = await import('../secrets/identity.ts')
  const { recipient } = await newIdentity()
  return createSealer(client, {
    identityFile: undefined,
    knownFile: '',
    recipients: [recipient],
    userName: '',
    host: '',
    isRehearsal: true,
    note,
  })
}

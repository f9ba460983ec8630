/** What the verbs about Secrets share. */
import { resolve } from 'node:path'
import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { Sealer } from '../client/sealing/sealer.ts'
import type { SecretRef } from '../client/sealing/stored.ts'
import { NsctlError } from '../core/errors.ts'
import { aboutSecret } from './about-secret.ts'
import { NsctlCommand } from './base.ts'
import { reportChanges } from './report.ts'
import { type SecretValueFlags, valuesOf } from './value-flags.ts'

/** Whose key opens, beside the operator's own. */
export const identityFlag = Flags.string({
  char: 'i',
  helpValue: 'FILE',
  multiple: true,
  multipleNonGreedy: true,
  summary: 'An identity to open with, besides your own: an age identity file or an ssh-ed25519 private key.',
})

export abstract class SecretCommand extends NsctlCommand {
  /** What the flags name, by key. What others have sealed is opened with the identities of `client`'s sealer. */
  protected async values(
    given: SecretValueFlags & { readonly identity?: readonly string[] | undefined },
    client: Client,
  ): Promise<Map<string, Uint8Array>> {
    const values = new Map((await valuesOf(given, this.context)).map(({ key, value }) => [key, value]))
    const sealer = await this.sealerWith(client, given.identity)
    if (given['from-sops'] === undefined && given['from-agenix'] === undefined) return values
    const { foreignValues } = await import('./foreign-values.ts')
    for (const [key, value] of await foreignValues(given, this.context, await sealer.identities())) {
      if (values.has(key)) throw new NsctlError('Invalid', `the key ${key} is given twice`, { value: key })
      values.set(key, value)
    }
    return values
  }

  protected secretRef(name: string, namespace = this.namespace): SecretRef {
    return { kind: 'Secret', namespace, name }
  }

  /** The sealer with what --identity names. */
  protected sealerWith(client: Client, identities: readonly string[] | undefined): Promise<Sealer> {
    return this.sealer(client, {
      identities: (identities ?? []).map((file) => resolve(this.context.cwd, file)),
    })
  }

  /** `secret/db created   2 keys sealed to 3 recipients` */
  protected async report(
    result: ChangeResult,
    { output, dryRun, words = result.verdict, about = aboutSecret(result) }: ReportWords,
  ): Promise<void> {
    for (const warning of result.warnings) this.note(`warning: ${warning}`)
    const said = about === '' ? words : `${words}   ${about}`
    const nowMs = this.context.clock.now()
    this.print(await reportChanges([result], { output, dryRun, nowMs, words: () => said }))
  }
}

interface ReportWords {
  readonly output: string | undefined
  readonly dryRun: boolean
  readonly words?: string
  readonly about?: string
}

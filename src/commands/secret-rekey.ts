import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { SecretRef } from '../client/sealing/stored.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { formatCount } from '../core/words.ts'
import type { Secret, SecretSpec } from '../resources/generated/types.ts'
import { usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput } from './report.ts'
import { identityFlag, SecretCommand } from './secret-command.ts'

interface Outcome {
  readonly rekeyed: number
  readonly unchanged: number
  readonly failed: readonly NsctlError[]
}

/** `nsctl secret rekey`. */
export class SecretRekey extends SecretCommand {
  static override summary = 'Seal the same values to the present recipients'
  static override description =
    'Values and versions stay, so that nothing restarts. Each Secret is changed at once and as a whole: whatever ends this halfway leaves each of them old or new, and the same command goes on. Whoever was a recipient can still open what he has seen: rotate values as well where that matters. Exits 1 where one of them could not be opened; the others are done.'
  static override examples = [
    'nsctl secret rekey db',
    'nsctl secret rekey --all -A',
    'nsctl secret rekey --all -A --identity /var/lib/nsctl/identity',
  ]
  static override args = { name: shared.argument({ multiple: true, description: 'Names of Secrets.' }) }
  static override flags = {
    all: Flags.boolean({ summary: 'All Secrets of the namespace.' }),
    'all-namespaces': shared.allNamespaces,
    force: Flags.boolean({ summary: 'Also what says that it is sealed to them already.' }),
    identity: identityFlag,
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretRekey)
    checkOutput(flags.output)
    const everywhere = flags['all-namespaces'] === true
    if (everywhere && this.words.length > 0)
      throw usage('-A and names cannot be combined', 'secret rekey', this.words[0])
    if ((flags.all || everywhere) === this.words.length > 0)
      throw usage('name Secrets, or say --all', 'secret rekey', this.words[0])
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const refs = await this.#refs(client, everywhere)
    const outcome = await this.#rekey(client, refs, {
      dryRun,
      output: flags.output,
      identity: flags.identity,
      force: flags.force,
    })
    this.#conclude(outcome, flags.output === undefined)
  }

  async #refs(client: Client, everywhere: boolean): Promise<readonly SecretRef[]> {
    if (this.words.length > 0) return this.words.map((name) => this.secretRef(name))
    const scope = everywhere ? {} : { namespace: this.namespace }
    const { items } = await client.list<Secret>(client.kinds.byKind('Secret'), scope)
    return items.map(({ metadata }) => this.secretRef(metadata.name, metadata.namespace))
  }

  /** One that cannot be opened, or is too large for more recipients, keeps none of the others from being sealed. */
  async #rekey(
    client: Client,
    refs: readonly SecretRef[],
    how: {
      readonly dryRun: boolean
      readonly output: string | undefined
      readonly identity: readonly string[] | undefined
      readonly force: boolean
    },
  ): Promise<Outcome> {
    const { rekeySecret } = await import('../client/sealing/stored.ts')
    const sealer = await this.sealerWith(client, how.identity)
    const own = how.dryRun ? sealer.rehearsing() : sealer
    // whom to seal to is settled before anything is changed
    if (refs.length > 0) await own.recipients()
    let [rekeyed, unchanged] = [0, 0]
    const failed: NsctlError[] = []
    for (const ref of refs) {
      this.context.signal.throwIfAborted()
      try {
        const result = await rekeySecret(client, own, ref, {
          actor: this.actor('secret rekey'),
          dryRun: how.dryRun,
          force: how.force,
        })
        if (result.verdict === 'unchanged') unchanged++
        else rekeyed++
        await this.report(result, { ...how, about: aboutRekeyed(result, ref, this.namespace) })
      } catch (error) {
        if (!isNsctlError(error, 'Failed', 'Invalid', 'NotFound', 'TooLarge', 'Conflict')) throw error
        failed.push(error)
      }
    }
    return { rekeyed, unchanged, failed }
  }

  #conclude({ rekeyed, unchanged, failed }: Outcome, isForPeople: boolean): void {
    const summary = `${rekeyed} rekeyed, ${unchanged} unchanged${failed.length === 0 ? '' : `, ${failed.length} failed`}`
    if (isForPeople) this.print(summary)
    const [first] = failed
    if (first === undefined) return
    const nexts = new Set(failed.flatMap((error) => error.next ?? []))
    throw new NsctlError(
      first.code,
      failed.length === 1 ? first.message : `${failed.length} Secrets stay as they were`,
      {
        issues: failed.map((error) => error.message),
        value: first.value,
        next: [...nexts].slice(0, 2).join('\n') || 'the others are done',
      },
    )
  }
}

/** `2 keys sealed to 3 recipients`, and where, if that is elsewhere. */
function aboutRekeyed({ object, verdict }: ChangeResult, ref: SecretRef, namespace: string): string {
  const { sealed = {}, recipients = [], external } = (object.spec ?? {}) as SecretSpec
  const where = ref.namespace === namespace ? '' : `in ${ref.namespace}   `
  if (external !== undefined) return `${where}values are kept elsewhere`
  if (verdict === 'unchanged') return where.trimEnd()
  return `${where}${formatCount(Object.keys(sealed).length, 'key')} sealed to ${formatCount(recipients.length, 'recipient')}`
}

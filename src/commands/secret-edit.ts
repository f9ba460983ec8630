import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { Sealer } from '../client/sealing/sealer.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import type { Secret } from '../resources/generated/types.ts'
import { isUnedited, body as withoutHead } from './edit-text.ts'
import { openEditor } from './editor.ts'
import * as shared from './flags.ts'
import { withMemoryFolder } from './memory-folder.ts'
import { checkOutput } from './report.ts'
import { identityFlag, SecretCommand } from './secret-command.ts'
import { type EditedValues, readValues, valuesText } from './secret-text.ts'

/** A person finds the mistake sooner; a script in the editor's place would go on for ever. */
const MOST_TRIES = 10

/** `nsctl secret edit NAME`. */
export class SecretEdit extends SecretCommand {
  static override summary = 'Edit the values of a Secret in your editor'
  static override description =
    'The opened values lie in a file in memory for as long as the editor is open, readable for you alone. Values that stay the same keep their versions. What an editor keeps elsewhere, such as a history or an undo file, is its own matter.'
  static override examples = ['nsctl secret edit db', 'EDITOR=nano nsctl secret edit db']
  static override args = { name: shared.argument({ required: true, description: 'The name of the Secret.' }) }
  static override flags = {
    identity: identityFlag,
    'insecure-temp': Flags.boolean({
      summary:
        'Where there is no file system in memory, write the opened values to the disk’s temporary folder.',
    }),
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretEdit)
    checkOutput(flags.output)
    const ref = this.secretRef(String(this.words[0]))
    const client = await this.client('write')
    const { mustGetSecret, openSecret } = await import('../client/sealing/stored.ts')
    const secret = await mustGetSecret(client, ref)
    if (secret.spec.external !== undefined) throw keptElsewhere(ref.name)
    const sealer = await this.sealerWith(client, flags.identity)
    const before = await openSecret(secret, await sealer.identities())
    const options = { env: this.context.env, isDiskAllowed: flags['insecure-temp'] }
    const result = await withMemoryFolder(options, (folder) =>
      this.#editUntilRight({ client, sealer, secret, before }, join(folder, `${ref.name}.yaml`)),
    )
    if (result === undefined)
      return this.note(`edit of secret/${ref.name} cancelled: nothing was changed`) as undefined
    await this.report(result, { output: flags.output, dryRun: false })
    await this.noteIfNobodyActs(client)
  }

  /** Undefined where it was left as it was, or empty. */
  async #editUntilRight(editing: Editing, file: string): Promise<ChangeResult | undefined> {
    let fault: NsctlError | undefined
    const name = editing.secret.metadata.name
    let body = await valuesText(editing.before)
    for (let tries = 1; ; tries++) {
      const text = `${headOf(name, editing.before, fault)}${body}`
      await writeFile(file, text, { mode: 0o600 })
      await openEditor(file, this.context.env)
      const edited = await readFile(file, 'utf8')
      if (isUnedited(edited, text)) {
        if (fault !== undefined) throw fault
        return undefined
      }
      try {
        const changes = await readValues(edited, editing.before)
        return changes === undefined ? undefined : await this.#change(editing, changes)
      } catch (error) {
        if (!isNsctlError(error, 'Invalid', 'TooLarge')) throw error
        if (tries === MOST_TRIES) throw error
        this.context.signal.throwIfAborted()
        fault = error
        body = withoutHead(edited)
      }
    }
  }

  async #change({ client, sealer, secret }: Editing, { values, gone }: EditedValues): Promise<ChangeResult> {
    const { changeValues } = await import('../client/sealing/stored.ts')
    const { name, namespace } = secret.metadata
    const check = (now: Secret) => {
      if (now.metadata.generation !== secret.metadata.generation || now.metadata.uid !== secret.metadata.uid)
        throw new NsctlError('Failed', `secret/${name} was changed by another while you edited it`, {
          next: 'edit it again and make your change on what is there now',
        })
    }
    return changeValues(
      client,
      sealer,
      this.secretRef(name, namespace),
      { values, gone, keepsEqual: true, check },
      { actor: this.actor('secret edit'), dryRun: false, verb: 'edited' },
    )
  }
}

interface Editing {
  readonly client: Client
  readonly sealer: Sealer
  readonly secret: Secret
  readonly before: ReadonlyMap<string, Uint8Array>
}

const END_OF_HEAD = '# ---\n'

function headOf(
  name: string,
  before: ReadonlyMap<string, Uint8Array>,
  fault: NsctlError | undefined,
): string {
  const lines = [
    `secret/${name}: save and leave to seal what changed, leave unchanged or empty to cancel.`,
    ...(before.size === 0 ? [] : ['A key that is taken out is deleted; !!binary values are base64.']),
    ...(fault === undefined ? [] : ['', ...`error: ${fault.message}`.split('\n')]),
  ]
  return `${lines.map((line) => `# ${line}`.trimEnd()).join('\n')}\n${END_OF_HEAD}`
}

function keptElsewhere(name: string): NsctlError {
  return new NsctlError('Unsupported', `the values of secret/${name} are kept elsewhere`, {
    value: name,
    next: 'change them there: the control plane fetches what is new',
  })
}

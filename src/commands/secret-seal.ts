import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import type { Sealer } from '../client/sealing/sealer.ts'
import { readSources, type Source } from '../client/sources.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import { aboutSecret } from './about-secret.ts'
import { usage } from './base.ts'
import * as shared from './flags.ts'
import { identityFlag, SecretCommand } from './secret-command.ts'
import { recipientKey } from './secret-recipients.ts'

/** `nsctl secret seal -f FILE`. */
export class SecretSeal extends SecretCommand {
  static override summary = 'Make manifests of Secrets safe to commit'
  static override description =
    'Values in stringData and data become spec.sealed; comments and other documents stay as they are. Sealed to the recipients of the store, or without a store to those that --recipient and -R name. What was sealed before is sealed to them as well, where it can be opened. A sealed value belongs to its namespace, which is written into the manifest.'
  static override examples = [
    'nsctl secret seal -w -f shop/db.yaml',
    'nsctl secret seal -f db.yaml > db.sealed.yaml',
    'nsctl secret seal -f db.yaml --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  ]
  static override flags = {
    filename: shared.filename,
    write: Flags.boolean({
      char: 'w',
      summary: 'Write the files themselves, instead of to standard output.',
    }),
    recipient: Flags.string({
      char: 'r',
      helpValue: 'KEY',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Seal to this one, age1… or a public ssh-ed25519 key, and ask no store.',
    }),
    'recipients-file': Flags.string({
      char: 'R',
      helpValue: 'FILE',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'The same for those in a file, one a line.',
    }),
    identity: identityFlag,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretSeal)
    const names = flags.filename ?? []
    if (names.length === 0)
      throw usage('no manifest was named', 'secret seal', undefined, 'write nsctl secret seal -f FILE')
    const { context } = this
    const sources = await readSources({
      names,
      recursive: false,
      cwd: context.cwd,
      readStdin: () => context.readStdin(),
      signal: context.signal,
    })
    const other = flags.write ? sources.find(({ file }) => file === undefined) : undefined
    if (other !== undefined)
      throw usage(`${other.name} cannot be written: leave out -w`, 'secret seal', other.name)
    const recipients = await this.#recipients(flags.recipient ?? [], flags['recipients-file'] ?? [])
    const client = await this.#client(recipients)
    try {
      const sealer = await this.sealer(client, {
        identities: (flags.identity ?? []).map((file) => resolve(context.cwd, file)),
        ...(recipients.length === 0 ? {} : { recipients }),
      })
      await this.#sealAll(sources, sealer, flags.write)
    } finally {
      if (recipients.length > 0) await client.close()
    }
  }

  /** Where recipients are named no store is opened, and none is needed. */
  #client(recipients: readonly string[]): Promise<Client> {
    return recipients.length > 0 ? this.context.openClient({ store: 'memory:' }) : this.client('write')
  }

  async #recipients(given: readonly string[], files: readonly string[]): Promise<readonly string[]> {
    const lines = files.flatMap((file) => linesOf(resolve(this.context.cwd, file), file))
    return Promise.all([...given, ...lines].map(recipientKey))
  }

  /** All are sealed before the first is written. */
  async #sealAll(sources: readonly Source[], sealer: Sealer, writes: boolean): Promise<void> {
    const { sealText } = await import('../client/sealing/files.ts')
    const done: { readonly source: Source; readonly text: string; readonly words: readonly string[] }[] = []
    for (const source of sources) {
      const { text, changed } = await sealText(source.bytes, source.name, sealer, this.namespace)
      const words = changed.map(({ object, before }) => {
        const about = aboutSecret({ object, before }) || 'sealed to other recipients'
        return `secret/${object.metadata.name} sealed   ${about}   ${source.name}`
      })
      done.push({ source, text, words })
    }
    const words = done.flatMap((one) => one.words)
    if (!writes) {
      this.print(done.map(({ text }, at) => (at > 0 && !/^---/.test(text) ? `---\n${text}` : text)).join(''))
      for (const line of words) this.note(line)
      return
    }
    for (const { source, text, words: own } of done) {
      if (own.length > 0) replaceFile(source.file!, text)
      this.print(own.join('\n'))
    }
    if (words.length === 0) this.print('nothing to seal')
  }
}

/** Readers see the old or the new file. Links stay links, and the mode stays what it was. */
function replaceFile(given: string, text: string): void {
  const path = realpathSync(given)
  const draft = join(dirname(path), `.${basename(path)}.nsctl-${process.pid}`)
  try {
    writeFileSync(draft, text, { mode: statSync(path).mode & 0o777, flag: 'wx' })
    renameSync(draft, path)
  } catch (cause) {
    rmSync(draft, { force: true })
    throw new NsctlError('Unreachable', `${path} cannot be written: ${messageOf(cause)}`, {
      value: path,
      cause,
    })
  }
}

/** age's format: a recipient a line, # for comments. */
function linesOf(path: string, name: string): readonly string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new NsctlError('Invalid', `${name} cannot be read: ${messageOf(cause)}`, { value: name, cause })
  }
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

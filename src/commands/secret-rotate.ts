import { randomInt } from 'node:crypto'
import * as Flags from '@oclif/core/flags'
import type { Secret } from '../resources/generated/types.ts'
import { usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput } from './report.ts'
import { identityFlag, SecretCommand } from './secret-command.ts'
import { ARGUMENTS_ARE_SEEN, secretValueFlags } from './value-flags.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const LEAST_CHARACTERS = 8
const MOST_CHARACTERS = 4096

/** `nsctl secret rotate NAME KEY…`. */
export class SecretRotate extends SecretCommand {
  static override summary = 'Give keys of a Secret new values'
  static override description =
    'A new value is a new version: what uses it is restarted or told, as it says itself. What --from-… names has its value from there; keys that are named as words get random ones.'
  static override examples = [
    'nsctl secret rotate db password --random 32',
    'nsctl secret rotate db --from-file password=- < password.txt',
  ]
  static override args = {
    name: shared.argument({
      required: true,
      description: 'The name of the Secret, then keys that get random values.',
      multiple: true,
    }),
  }
  static override flags = {
    ...secretValueFlags,
    random: Flags.string({
      helpValue: 'N',
      summary: 'So many random letters and digits for each key that is named as a word.',
    }),
    add: Flags.boolean({ summary: 'Also keys that the Secret does not have yet.' }),
    identity: identityFlag,
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretRotate)
    checkOutput(flags.output)
    const [name = '', ...keys] = this.words
    if (flags['from-literal'] !== undefined) this.note(ARGUMENTS_ARE_SEEN)
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const values = await this.values(flags, client)
    this.#addRandom(values, keys, flags.random)
    if (values.size === 0) throw noValue(keys)
    const { changeValues, noSuchKey } = await import('../client/sealing/stored.ts')
    const sealer = await this.sealerWith(client, flags.identity)
    const check = (secret: Secret) => {
      const there = secret.spec.sealed ?? {}
      const missing = [...values.keys()].find((key) => !Object.hasOwn(there, key))
      if (missing !== undefined && !flags.add && secret.spec.external === undefined)
        throw noSuchKey(secret, missing)
    }
    const result = await changeValues(
      client,
      dryRun ? sealer.rehearsing() : sealer,
      this.secretRef(name),
      { values, keepsEqual: false, check },
      { actor: this.actor('secret rotate'), dryRun, verb: 'rotated' },
    )
    await this.report(result, { output: flags.output, dryRun })
    if (!dryRun) await this.noteIfNobodyActs(client)
  }

  #addRandom(values: Map<string, Uint8Array>, keys: readonly string[], random: string | undefined): void {
    if (keys.length === 0 && random === undefined) return
    if (random === undefined) throw noValue(keys)
    if (keys.length === 0) throw usage('--random needs the keys that get random values', 'secret rotate')
    const length = /^[0-9]+$/.test(random) ? Number(random) : 0
    if (length < LEAST_CHARACTERS || length > MOST_CHARACTERS)
      throw usage(
        `--random must be a whole number from ${LEAST_CHARACTERS} to ${MOST_CHARACTERS}, not ${JSON.stringify(random)}`,
        'secret rotate',
        random,
      )
    for (const key of keys) {
      if (values.has(key)) throw usage(`the key ${key} is given twice`, 'secret rotate', key)
      values.set(key, Buffer.from(randomText(length)))
    }
  }
}

function noValue(keys: readonly string[]) {
  const key = keys[0] ?? 'KEY'
  return usage(
    keys.length === 0
      ? 'no key was named'
      : `where the new value of ${keys.join(', ')} comes from was not said`,
    'secret rotate',
    keys.join(' '),
    `say --from-file ${key}=PATH, --from-file ${key}=- for standard input, or --random 32`,
  )
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

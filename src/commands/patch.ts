import { readFile } from 'node:fs/promises'
import * as Flags from '@oclif/core/flags'
import type { PatchType } from '../api/api.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { usage } from './base.ts'
import { ChangeCommand } from './change-command.ts'
import { isDryRun } from './dry-run.ts'
import * as flags from './flags.ts'
import { checkOutput } from './report.ts'
import { select } from './selection.ts'

/** `nsctl patch`: change some fields of an object. */
export class Patch extends ChangeCommand {
  static override summary = 'Change some fields of an object'
  static override examples = [
    `nsctl patch service/web -p '{"spec":{"replicas":3}}'`,
    `nsctl patch service/web --type json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'`,
    'nsctl patch service/web --patch-file change.yaml',
  ]
  static override args = {
    type: flags.argument({ multiple: true, description: 'TYPE/NAME… or TYPE NAME….' }),
  }
  static override flags = {
    patch: Flags.string({ char: 'p', helpValue: 'TEXT', summary: 'The patch, in JSON or YAML.' }),
    'patch-file': Flags.string({
      helpValue: 'FILE',
      summary: 'A file that holds the patch; - is standard input.',
    }),
    type: Flags.option({
      options: ['merge', 'json', 'strategic'] as const,
      default: 'strategic' as const,
      summary:
        'merge: RFC 7386, lists are replaced. json: RFC 6902, a list of operations. strategic: as merge, but named items of lists are merged.',
    })(),
    filename: flags.filename,
    recursive: flags.recursive,
    'dry-run': flags.dryRun,
    output: flags.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Patch)
    checkOutput(given.output)
    const patch = await this.#read(given.patch, given['patch-file'])
    checkShape(patch, given.type)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const selected = await select(client, {
      words: this.words,
      verb: 'patch',
      namespace: this.namespace,
      context: this.context,
      files: given,
    })
    await this.changeEach(
      selected,
      ({ ref }) => client.patch(ref, given.type, patch, { actor: this.actor(), dryRun, verb: 'patched' }),
      {
        output: given.output,
        dryRun,
        words: ({ verdict }) => (verdict === 'unchanged' ? 'patched (no change)' : 'patched'),
      },
    )
    if (!dryRun) await this.noteIfNobodyActs(client)
  }

  async #read(text: string | undefined, file: string | undefined): Promise<Json> {
    if ((text === undefined) === (file === undefined))
      throw usage('exactly one of -p and --patch-file must be given', 'patch')
    if (text !== undefined) return parsePatch(text, '-p')
    const path = file as string
    if (path === '-') return parsePatch((await this.context.readStdin()).toString('utf8'), 'stdin')
    const content = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new NsctlError('Invalid', `cannot read the patch: ${messageOf(cause)}`, { value: path, cause })
    })
    return parsePatch(content, path)
  }
}

/** JSON, else YAML. Invalid with the place where it is neither. */
async function parsePatch(text: string, source: string): Promise<Json> {
  try {
    return JSON.parse(text) as Json
  } catch {
    const { parse } = await import('yaml')
    try {
      return parse(text, { maxAliasCount: 100, prettyErrors: false }) as Json
    } catch (cause) {
      throw new NsctlError('Invalid', `${source}: the patch is neither JSON nor YAML: ${messageOf(cause)}`, {
        cause,
        next: `write it like -p '{"spec":{"replicas":3}}'`,
      })
    }
  }
}

function checkShape(patch: Json, type: PatchType): void {
  const isList = Array.isArray(patch)
  if (type === 'json' ? isList : !isList && typeof patch === 'object' && patch !== null) return
  throw new NsctlError(
    'Invalid',
    type === 'json'
      ? 'a patch of type json must be a list of operations'
      : `a patch of type ${type} must be a map`,
    {
      next:
        type === 'json'
          ? `write it like '[{"op":"replace","path":"/spec/replicas","value":3}]'`
          : `write it like '{"spec":{"replicas":3}}'`,
    },
  )
}

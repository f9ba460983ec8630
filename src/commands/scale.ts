import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { usage } from './base.ts'
import { ChangeCommand } from './change-command.ts'
import { isDryRun } from './dry-run.ts'
import * as flags from './flags.ts'
import { checkOutput } from './report.ts'
import { select } from './selection.ts'

/** `nsctl scale`: how many instances should run. */
export class Scale extends ChangeCommand {
  static override summary = 'Set how many instances should run'
  static override examples = [
    'nsctl scale service/web --replicas 3',
    'nsctl scale service web mail --replicas 0',
    'nsctl scale service/web --current-replicas 2 --replicas 3',
    'nsctl scale service --all --replicas 1',
  ]
  static override args = {
    type: flags.argument({
      multiple: true,
      description: 'TYPE/NAME…, TYPE NAME…, or TYPE with -l or --all.',
    }),
  }
  static override flags = {
    replicas: Flags.string({ helpValue: 'N', summary: 'How many should run.' }),
    'current-replicas': Flags.string({ helpValue: 'N', summary: 'Only where so many are wanted now.' }),
    selector: flags.selector,
    all: Flags.boolean({ summary: 'All objects of the kinds that are named.' }),
    filename: flags.filename,
    recursive: flags.recursive,
    'dry-run': flags.dryRun,
    output: flags.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(Scale)
    checkOutput(given.output)
    const replicas = parseCount(given.replicas, '--replicas')
    if (replicas === undefined) throw usage('--replicas is missing: how many should run?', 'scale')
    const expectCurrent = parseCount(given['current-replicas'], '--current-replicas')
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const selected = await select(client, {
      words: this.words,
      verb: 'scale',
      namespace: this.namespace,
      selector: given.selector,
      all: given.all,
      context: this.context,
      files: given,
    })
    const how = { actor: this.actor(), dryRun, ...(expectCurrent === undefined ? {} : { expectCurrent }) }
    await this.changeEach(selected, ({ ref }) => client.scale(ref, replicas, how), {
      output: given.output,
      dryRun,
      words: () => 'scaled',
    })
    if (!dryRun) await this.noteIfNobodyActs(client)
  }
}

/** A count as typed; the schema judges its bounds, this only that it is a whole number that may be one. */
function parseCount(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined
  if (/^-?[0-9]{1,9}$/.test(text)) {
    const count = Number(text)
    if (count >= 0) return count
  }
  throw new NsctlError('Usage', `${flag} must be a whole number of at least 0, not ${JSON.stringify(text)}`, {
    value: text,
    next: `write it like ${flag} 3`,
  })
}

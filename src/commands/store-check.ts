import * as Flags from '@oclif/core/flags'
import type { Finding } from '../api/check/finding.ts'
import { formatCount } from '../core/words.ts'
import type { Checked } from '../main/stores/look.ts'
import { StoreCommand } from './store-command.ts'

/** `nsctl store check`: whether what is stored fits together. */
export class StoreCheck extends StoreCommand {
  static override summary = 'Whether what the store holds fits together'
  static override description =
    'Looks for dangling owners, orphaned revisions and manifests, statuses and placements of nothing, instances on unknown nodes, revisions without their spec, what cannot be read, keys that are not nsctl’s, and imports that were cut off. Exits 1 where there is any. The daemon may run meanwhile.'
  static override examples = [
    'nsctl store check',
    'nsctl store check --repair --dry-run',
    'nsctl store check --repair',
  ]
  static override flags = {
    repair: Flags.boolean({ summary: 'Put right what can be put right without losing anything.' }),
    'dry-run': Flags.boolean({
      dependsOn: ['repair'],
      summary: 'Say what --repair would do, and do nothing.',
    }),
    output: Flags.string({ char: 'o', helpValue: 'json', summary: 'json.' }),
  }

  override async run(): Promise<number> {
    const { flags } = await this.parse(StoreCheck)
    const json = this.wantsJson(flags.output)
    const { checkStore } = await import('../main/stores/look.ts')
    const dryRun = flags['dry-run']
    const checked = await checkStore({ ...this.choice(), repair: flags.repair && !dryRun })
    if (json) this.printJson(asData(checked))
    else this.print(dryRun ? wouldRepair(checked) : report(checked))
    return checked.findings.length > 0 ? 1 : 0
  }
}

/** As programs read it. */
function asData({ findings, repaired, ...facts }: Checked) {
  const plain = ({ repair, ...finding }: Finding) => ({ ...finding, repairable: repair !== undefined })
  return { ...facts, findings: findings.map(plain), repaired: repaired.map(plain) }
}

function report({ url, keys, revision, findings, repaired }: Checked): string {
  const looked = `${formatCount(keys, 'key')} of ${url} at revision ${revision}`
  const repairable = findings.filter(({ repair }) => repair !== undefined).length
  const lines = [
    ...repaired.map(({ key, problem }) => `${key}\n  ${problem}: repaired`),
    ...findings.map(describe),
  ]
  if (repaired.length > 0) lines.push(`${repaired.length} repaired, ${findings.length} left, in ${looked}`)
  else if (findings.length === 0) lines.push(`nothing is wrong in ${looked}`)
  else lines.push(`${formatCount(findings.length, 'finding')} in ${looked}${hint(repairable)}`)
  return lines.join('\n')
}

function hint(repairable: number): string {
  return repairable === 0 ? '' : `; nsctl store check --repair puts ${repairable} right`
}

function wouldRepair({ findings }: Checked): string {
  const lines = findings
    .filter(({ repair }) => repair !== undefined)
    .map(({ key, problem }) => `${key}\n  ${problem}: would be repaired (dry run)`)
  return [
    ...lines,
    `${lines.length} of ${formatCount(findings.length, 'finding')} would be repaired (dry run)`,
  ].join('\n')
}

function describe({ key, problem, remedy }: Finding): string {
  return `${key}\n  ${problem}\n  ${remedy}`
}

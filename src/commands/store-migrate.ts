import * as Flags from '@oclif/core/flags'
import { formatCount } from '../core/words.ts'
import type { Migrated } from '../main/stores/migrate.ts'
import { RESOURCE_VERSIONS, StoreCommand } from './store-command.ts'

/** `nsctl store migrate`: from one engine to another. */
export class StoreMigrate extends StoreCommand {
  static override summary = 'Copy the store into another one, of any engine'
  static override description =
    'Copies one snapshot, reads it back and compares every key. The source is only read. No daemon may run for either of them; what it ran goes on, and is found again by a daemon with the new store, because this machine’s programs are handed over. Cut off, the same command again goes on.'
  static override examples = [
    'nsctl store migrate --to consul://127.0.0.1:8500/nsctl',
    'nsctl --store sqlite:old.db store migrate --to sqlite:/var/lib/nsctl/store.db',
    'nsctl store migrate --to etcd://10.0.0.5:2379/nsctl --dry-run',
  ]
  static override flags = {
    to: Flags.string({
      required: true,
      helpValue: 'URL',
      summary: 'The store to fill. It must be empty. Credentials for it come from the environment.',
    }),
    replace: Flags.boolean({
      summary: 'Remove what it holds, after it was exported to backups/ in nsctl’s state directory.',
    }),
    'dry-run': Flags.boolean({ summary: 'Say what would happen, and write nothing.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(StoreMigrate)
    const { migrateStore } = await import('../main/stores/migrate.ts')
    const { to, replace } = flags
    const { signal, env: targetEnv } = this.context
    const work = { ...this.choice(), signal, to, targetEnv, replace, dryRun: flags['dry-run'] }
    const done = await this.filling(() => migrateStore(work))
    this.print(work.dryRun ? wouldDo(done, to) : didDo(done))
  }
}

function wouldDo({ from, revision, keys, already, removed }: Migrated, to: string): string {
  return [
    ...(removed > 0 ? [`${formatCount(removed, 'key')} of ${to} would be exported and removed`] : []),
    ...(already > 0 ? [`${formatCount(already, 'key')} are there already`] : []),
    `${formatCount(keys - already, 'key')} of ${from} at revision ${revision} would be copied to ${to} (dry run)`,
  ].join('\n')
}

function didDo(done: Migrated): string {
  const { from, revision, keys, already, removed, backup, url, handedOver, notHandedOver, takenOut } = done
  return [
    ...(backup === undefined ? [] : [`removed ${formatCount(removed, 'key')}, which are kept in ${backup}`]),
    ...(already > 0 ? [`${formatCount(already, 'key')} were there already`] : []),
    `copied ${formatCount(keys - already, 'key')} of ${from} at revision ${revision} to ${url}: all ${keys} read back and equal`,
    ...(handedOver.length > 0 ? [`this machine’s programs belong to ${url} from now on`] : []),
    ...takenOut,
    ...notHandedOver.map((why) => `programs that could not be handed over: ${why}; migrate again as who may`),
    `${from} is as it was. Nothing uses ${url} yet. To switch over:`,
    `  export NSCTL_STORE=${url}`,
    `  or: nsctl config set-context new --store ${url} && nsctl config use-context new`,
    '  then nsctl up; where the daemon is installed: nsctl up --install',
    RESOURCE_VERSIONS,
  ].join('\n')
}

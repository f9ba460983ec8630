/**
 * Whether what a store holds fits together: nothing that belongs to nothing, nothing that cannot be read, nothing half. On one
 * snapshot, so that what is about to be written is never taken for half. Pure.
 */
import type { KindRegistry } from '../../resources/kinds.ts'
import { describeUnfinished, nextAfterCutOff, parseNote } from '../../store/import-plan.ts'
import { describeUpgrade, nextAfterUpgrade, parseMark } from '../../store/layout.ts'
import { IMPORT_KEY, LAYOUT_KEY } from '../../store/snapshot.ts'
import type { Entry } from '../../store/store.ts'
import { readContents } from './contents.ts'
import type { Finding } from './finding.ts'
import { checkObjects } from './objects.ts'
import { checkRecords } from './records.ts'

/**
 * Every finding in `entries`, which are all that a store holds; in order of keys.
 *
 * @param kinds our own kinds
 */
export function checkEntries(entries: readonly Entry[], kinds: KindRegistry): readonly Finding[] {
  const contents = readContents(entries, kinds)
  const findings: Finding[] = [
    ...entries.filter(({ key }) => key === IMPORT_KEY).map(unfinished),
    ...entries.filter(({ key }) => key === LAYOUT_KEY).flatMap(halfUpgraded),
    ...contents.foreign.map(({ key }) => ({
      key,
      problem: 'it is no key of nsctl’s',
      remedy: 'another program or another version of nsctl wrote it: ask whose it is before you remove it',
    })),
    ...contents.unreadable.map(({ entry, why }) => ({
      key: entry.key,
      problem: why,
      remedy:
        'restore the store from a backup (nsctl store import --replace); nsctl writes nothing like that',
    })),
    ...checkObjects(contents),
    ...checkRecords(contents),
  ]
  return findings.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

function unfinished({ key, value }: Entry): Finding {
  const note = parseNote(value)
  return { key, problem: describeUnfinished(note), remedy: nextAfterCutOff(note) }
}

function halfUpgraded(entry: Entry): readonly Finding[] {
  const { key } = entry
  const mark = parseMark(entry)
  if (mark === undefined)
    return [
      {
        key,
        problem: 'it does not say which layout the store has',
        remedy:
          'restore the store from a backup (nsctl store import --replace); nsctl writes nothing like that',
      },
    ]
  const { upgrade } = mark
  return upgrade === undefined
    ? []
    : [{ key, problem: describeUpgrade(upgrade), remedy: nextAfterUpgrade(upgrade) }]
}

/** The lines of one program, from the journal. */
import type { LogLine, LogOptions, ProgramId } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import { type Journal, type JournalEntry, type JournalQuery, readJournal, unitFields } from './journal.ts'
import { unitName } from './names.ts'

const INVOCATION = '_SYSTEMD_INVOCATION_ID'
/** The kernel does not tell the two apart once they are one stream to the journal: both are given as stdout. */
const OUTPUT = 'stdout'

/** Lines, oldest first. `tail` counts what the program printed. @throws Unreachable where the journal cannot be read */
export async function* readLogs(
  scope: ManagerScope,
  id: ProgramId,
  options: LogOptions,
  signal: AbortSignal,
  journal: Journal = readJournal,
): AsyncGenerator<LogLine> {
  const unit = unitName(id)
  const { own, manager } = unitFields(scope)
  const printed = [`${own}=${unit}`]
  const all = [...printed, '+', `${manager}=${unit}`]
  const fields = ['MESSAGE', own, manager]
  const since =
    options.sinceMs === undefined ? [] : [`--since=@${(Math.floor(options.sinceMs) / 1000).toFixed(3)}`]
  let matches = options.tail === undefined ? all : printed
  if (options.previous === true) {
    const invocation = await previousInvocation(scope, `${own}=${unit}`, signal, journal)
    if (invocation === undefined) return
    matches = [...printed, `${INVOCATION}=${invocation}`]
  }
  const follow = options.follow === true && options.previous !== true
  if (options.tail === undefined && follow) {
    yield* lines(
      id,
      { scope, matches, fields, options: [...since, '--follow', '--no-tail'], journal },
      options,
      signal,
    )
    return
  }
  const tail = options.tail === undefined ? [] : [`--lines=${Math.max(0, Math.floor(options.tail))}`]
  const cursor = yield* lines(
    id,
    { scope, matches, fields, options: [...since, ...tail], journal },
    options,
    signal,
  )
  if (!follow) return
  const after = cursor === undefined ? ['--lines=0'] : [`--after-cursor=${cursor}`, '--no-tail']
  yield* lines(id, { scope, matches: all, fields, options: ['--follow', ...after], journal }, options, signal)
}

/** Returns the cursor of the last line. */
async function* lines(
  id: ProgramId,
  { journal, ...query }: JournalQuery & { readonly journal: Journal },
  { sinceMs }: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine, string | undefined> {
  const { own } = unitFields(query.scope)
  let cursor: string | undefined
  for await (const entry of journal(query, signal)) {
    cursor = entry.__CURSOR
    const line = toLine(id, entry, own)
    if (line !== undefined && (sinceMs === undefined || (line.atMs ?? 0) >= sinceMs)) yield line
  }
  return cursor
}

function toLine(id: ProgramId, entry: JournalEntry, own: string): LogLine | undefined {
  if (entry.MESSAGE === undefined) return undefined
  const atMs = Math.round(Number(entry.__REALTIME_TIMESTAMP) / 1000)
  const stream = entry[own] === unitName(id) ? OUTPUT : 'manager'
  return { id, ...(Number.isFinite(atMs) ? { atMs } : {}), stream, text: entry.MESSAGE }
}

/** The invocation before the latest of those that have printed something. */
async function previousInvocation(
  scope: ManagerScope,
  match: string,
  signal: AbortSignal,
  journal: Journal,
): Promise<string | undefined> {
  let latest: string | undefined
  const query = { scope, matches: [match], fields: [INVOCATION], options: ['--reverse'] }
  for await (const entry of journal(query, signal)) {
    const invocation = entry[INVOCATION]
    if (invocation === undefined) continue
    latest ??= invocation
    if (invocation !== latest) return invocation
  }
  return undefined
}

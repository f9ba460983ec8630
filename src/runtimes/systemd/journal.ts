/** journalctl as a source of entries: the journal has no other reader that is stable and everywhere. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { NsctlError } from '../../core/errors.ts'
import type { ManagerScope } from './dbus/address.ts'

/** One entry: fields as text. */
export type JournalEntry = Readonly<Record<string, string>>

export interface JournalQuery {
  readonly scope: ManagerScope
  /** `FIELD=value` terms, `+` between alternatives. */
  readonly matches: readonly string[]
  /** Further options of journalctl. */
  readonly options?: readonly string[]
  /** Fields wanted, beside time and cursor. */
  readonly fields: readonly string[]
}

/** A machine's journal: see `readJournal`. */
export type Journal = (query: JournalQuery, signal: AbortSignal) => AsyncIterable<JournalEntry>

/** The words of journalctl that ask for it. */
export function journalArguments({ scope, matches, options = [], fields }: JournalQuery): readonly string[] {
  const output = ['--output=json', '--all', '--quiet', '--no-pager', `--output-fields=${fields.join(',')}`]
  return [...(scope === 'user' ? ['--user'] : []), ...output, ...options, ...matches]
}

/**
 * Entries, oldest first unless the options say otherwise. Ends when journalctl does or the consumer stops; on abort throws the
 * signal's reason.
 * @throws Unreachable where there is no journalctl or it fails, e.g. because this user may not read the journal
 */
export async function* readJournal(query: JournalQuery, signal: AbortSignal): AsyncGenerator<JournalEntry> {
  signal.throwIfAborted()
  const child = spawn('journalctl', journalArguments(query), { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<{ code: number | null; error?: Error }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, error }))
    child.once('close', (code) => resolve({ code }))
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-1000)
  })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
      const entry = parseEntry(line)
      if (entry !== undefined) yield entry
    }
    const { code, error } = await ended
    signal.throwIfAborted()
    // an empty answer to matches of a unit that never logged is code 1 in some versions
    if (error !== undefined || (code !== 0 && complaint !== ''))
      throw journalFailed(error?.message ?? complaint, error)
  } finally {
    signal.removeEventListener('abort', kill)
    kill()
  }
}

export function journalFailed(why: string, cause?: Error): NsctlError {
  return new NsctlError('Unreachable', `journalctl failed: ${why.trim()}`, {
    cause,
    next: 'check that this user may read the journal (root, or a member of the group systemd-journal)',
  })
}

/** Undefined for what is no entry. Values that are not UTF-8 come as bytes, repeated fields as a list of which the last is taken. */
export function parseEntry(line: string): JournalEntry | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const entry: Record<string, string> = {}
  for (const [name, value] of Object.entries(parsed)) {
    const text = fieldText(value)
    if (text !== undefined) entry[name] = text
  }
  return entry
}

function fieldText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) || value.length === 0) return undefined
  if (value.every((byte) => typeof byte === 'number')) return Buffer.from(value).toString('utf8')
  return fieldText(value.at(-1))
}

/** Fields that name a unit: of what it prints itself, and of what the manager says about it. */
export function unitFields(scope: ManagerScope): { readonly own: string; readonly manager: string } {
  return scope === 'system'
    ? { own: '_SYSTEMD_UNIT', manager: 'UNIT' }
    : { own: 'SYSLOG_IDENTIFIER', manager: 'USER_UNIT' }
}

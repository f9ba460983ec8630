/**
 * A store as one file: a line of JSON that says what it is, one for each entry, and one that ends it with a checksum over
 * all before it. Text, so that it can be read, compared and searched without nsctl.
 *
 *     {"kind":"nsctl store export","format":1,"layout":3,"nsctl":"0.1.0","engine":"sqlite","revision":77,"at":"…","count":2}
 *     {"key":"obj/nsctl.dev/services/default/web","revision":41,"value":"{…}"}
 *     {"key":"rev/nsctl.dev/services/default/web/00000001","revision":41,"value":"{…}"}
 *     {"kind":"end","count":2,"sha256":"…"}
 */
import { createHash } from 'node:crypto'
import { NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import { formatCount } from '../core/words.ts'
import { isTooNew, type LayoutVersion, layoutText } from './layout.ts'
import { isCopied, type Snapshot } from './snapshot.ts'
import type { Entry } from './store.ts'

/** Of the file itself. Moves when those who know only the former could not read it. */
export const EXPORT_FORMAT = 1
const KIND = 'nsctl store export'
const NEWLINE = 0x0a

export interface ExportHeader {
  readonly format: number
  /** Of keys and values in the store, which are the same in every engine: the major number. */
  readonly layout: number
  /** Its minor number; 0 where left out. */
  readonly minor?: number
  /** The version of nsctl that wrote it. */
  readonly nsctl: string
  /** The engine that it was read from: `sqlite`. */
  readonly engine: string
  /** Of that store, when it was read. */
  readonly revision: number
  /** When, as an ISO time. */
  readonly at: string
  readonly count: number
}

export interface ExportFile extends Snapshot {
  readonly header: ExportHeader
}

/** The file's lines, each with its line break. */
export function* exportLines(
  { entries, revision }: Snapshot,
  about: Pick<ExportHeader, 'layout' | 'minor' | 'nsctl' | 'engine' | 'at'>,
): Generator<string> {
  const hash = createHash('sha256')
  const count = entries.length
  const header: ExportHeader = { format: EXPORT_FORMAT, ...about, revision, count }
  yield hashed(hash, { kind: KIND, ...header })
  for (const { key, revision, value } of entries) yield hashed(hash, { key, revision, value })
  yield endLine(count, hash.digest('hex'))
}

function hashed(hash: ReturnType<typeof createHash>, line: object): string {
  const text = `${JSON.stringify(line)}\n`
  hash.update(text)
  return text
}

function endLine(count: number, sha256: string): string {
  return `${JSON.stringify({ kind: 'end', count, sha256 })}\n`
}

/** Whether a file that begins with `bytes` was made by an export, whole or not. */
export function looksLikeExport(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .subarray(0, 64)
    .toString()
    .startsWith(`{"kind":"${KIND}"`)
}

/**
 * Reads a file and believes nothing of it before all of it was checked.
 *
 * @param name what messages call it
 * @param layout that of the caller, who understands the next minor one too
 * @throws NsctlError Invalid for what is no export, is cut off or was altered; Unsupported where a newer nsctl made it
 */
export function readExport(bytes: Uint8Array, name: string, layout: LayoutVersion): ExportFile {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerEnd = buffer.indexOf(NEWLINE)
  const header =
    looksLikeExport(bytes) && headerEnd !== -1 ? parseLine(buffer.subarray(0, headerEnd)) : undefined
  if (!isHeader(header)) throw notAnExport(name, looksLikeExport(bytes))
  if (header.format > EXPORT_FORMAT || isTooNew(layoutOfExport(header), layout)) throw tooNew(name, header)
  const end = assertWhole(buffer, name, header)
  const entries: Entry[] = []
  const keys = new Set<string>()
  for (let from = headerEnd + 1; from < end; ) {
    const to = buffer.indexOf(NEWLINE, from)
    const entry = parseLine(buffer.subarray(from, to))
    if (!isEntry(entry) || keys.has(entry.key)) throw altered(name, `line ${entries.length + 2} is no entry`)
    keys.add(entry.key)
    entries.push(entry)
    from = to + 1
  }
  if (entries.length !== header.count)
    throw altered(name, `it has ${formatCount(entries.length, 'line')} of ${header.count}`)
  return { header, revision: header.revision, entries }
}

/** The layout of what is in the file. */
export function layoutOfExport({ layout, minor = 0 }: Pick<ExportHeader, 'layout' | 'minor'>): LayoutVersion {
  return { major: layout, minor }
}

/** Where the last line begins, which says by its checksum that all before it is as it was written. */
function assertWhole(buffer: Buffer, name: string, { count }: ExportHeader): number {
  const end = buffer.lastIndexOf(NEWLINE, buffer.length - 2) + 1
  const last = buffer.subarray(end).toString()
  if (!last.startsWith('{"kind":"end"') || !last.endsWith('\n')) throw truncated(name, buffer, count)
  const sha256 = createHash('sha256').update(buffer.subarray(0, end)).digest('hex')
  if (last !== endLine(count, sha256)) throw altered(name, 'its checksum is another')
  return end
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString())
  } catch {
    return undefined
  }
}

function isHeader(line: unknown): line is ExportHeader {
  if (!isObject(line) || line.kind !== KIND) return false
  const { format, layout, minor = 0, revision, count, nsctl, engine, at } = line
  return (
    [format, layout, minor, revision, count].every((number) => Number.isSafeInteger(number)) &&
    [nsctl, engine, at].every((text) => typeof text === 'string')
  )
}

function isEntry(line: unknown): line is Entry {
  if (!isObject(line)) return false
  const { key, revision, value } = line
  return (
    typeof key === 'string' &&
    key !== '' &&
    isCopied(key) &&
    typeof value === 'string' &&
    Number.isSafeInteger(revision)
  )
}

function notAnExport(name: string, isBegun: boolean): NsctlError {
  const what = isBegun ? 'has a first line that is cut off or was altered' : 'is no export of a store'
  return new NsctlError('Invalid', `${name} ${what}`, {
    value: name,
    next: 'name a file that nsctl store export has written; nothing was changed',
  })
}

function tooNew(name: string, header: ExportHeader): NsctlError {
  const { format, nsctl } = header
  return new NsctlError(
    'Unsupported',
    `${name} was written by nsctl ${nsctl} in a format that this one cannot read`,
    {
      value: `format ${format}, layout ${layoutText(layoutOfExport(header))}`,
      next: `import it with nsctl ${nsctl} or newer; nothing was changed`,
    },
  )
}

function truncated(name: string, buffer: Buffer, count: number): NsctlError {
  let lines = -1
  for (let at = buffer.indexOf(NEWLINE); at !== -1; at = buffer.indexOf(NEWLINE, at + 1)) lines++
  const whole = Math.min(lines, count)
  return new NsctlError(
    'Invalid',
    `${name} is cut off: of ${formatCount(count, 'key')} ${whole} are whole, and the last line is missing`,
    {
      value: name,
      next: 'copy it again from where it was made, or use an older export; nothing was changed',
    },
  )
}

function altered(name: string, why: string): NsctlError {
  return new NsctlError('Invalid', `${name} was altered after it was written: ${why}`, {
    value: name,
    next: 'copy it again from where it was made, or use another export; nothing was changed',
  })
}

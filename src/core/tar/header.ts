/** Headers of tar archives: ustar (POSIX.1-1988), pax (POSIX.1-2001) and GNU's long names. Pure. */
import { NsctlError } from '../errors.ts'

export const BLOCK_BYTES = 512

export type EntryType = 'file' | 'folder' | 'symlink' | 'link' | 'other'

export interface Entry {
  readonly type: EntryType
  /** As the archive says; may be anything. */
  readonly path: string
  /** Of a symlink or link. */
  readonly target: string
  readonly bytes: number
  /** Permission bits, with those of setuid and its like. */
  readonly mode: number
  readonly mtimeMs: number
}

const TYPES: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '5': 'folder',
  '2': 'symlink',
  '1': 'link',
}
const FLAGS: Readonly<Partial<Record<EntryType, string>>> = { file: '0', folder: '5', symlink: '2' }

/** What the next header is overruled by. */
export type Overrules = Readonly<Record<string, string>>

/** As numbers, which name somebody only where the archive was made. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** A header as it stands; `flag` tells those of names and such from those of entries. @throws NsctlError Failed */
export function readHeader(
  block: Buffer,
  overrules: Overrules = {},
): Entry & Owner & { readonly flag: string } {
  const said = number(block, 148, 8)
  let sum = 0
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0)
  if (sum !== said) throw broken('a header is damaged')
  const flag = block.toString('latin1', 156, 157)
  const prefix =
    block.toString('latin1', 257, 262) === 'ustar' && block[262] === 0 ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  const bytes = overrules.size === undefined ? number(block, 124, 12) : Number(overrules.size)
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw broken('an entry has an odd size')
  return {
    flag,
    type: TYPES[flag] ?? 'other',
    path: overrules.path ?? (prefix === '' ? name : `${prefix}/${name}`),
    target: overrules.linkpath ?? text(block, 157, 100),
    // only files have content, whatever is said
    bytes: flag === '5' || flag === '2' || flag === '1' ? 0 : bytes,
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    mtimeMs: 1000 * (overrules.mtime === undefined ? number(block, 136, 12) : Number(overrules.mtime) || 0),
  }
}

/** `27 path=…\n` and so on. @throws NsctlError Failed */
export function readPax(content: Buffer): Overrules {
  const found: Record<string, string> = {}
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at)
    const length = Number(content.toString('latin1', at, space))
    if (space === -1 || !(length > space - at) || at + length > content.length)
      throw broken('a pax header is damaged')
    const line = content.toString('utf8', space + 1, at + length - 1)
    const equals = line.indexOf('=')
    if (equals > 0) found[line.slice(0, equals)] = line.slice(equals + 1)
    at += length
  }
  return found
}

/** The header of an entry, with one of pax before it where it needs that. */
export function writeHeader(entry: Entry): Buffer {
  const records = [
    ...(Buffer.byteLength(entry.path) > 100 ? [['path', entry.path] as const] : []),
    ...(Buffer.byteLength(entry.target) > 100 ? [['linkpath', entry.target] as const] : []),
    ...(entry.bytes > 0o77777777777 ? [['size', String(entry.bytes)] as const] : []),
  ]
  const own = block({ ...entry, flag: FLAGS[entry.type] ?? '0' })
  if (records.length === 0) return own
  const content = Buffer.concat(records.map(([name, value]) => record(name, value)))
  const pax = block({ ...entry, type: 'other', path: 'pax', target: '', bytes: content.length, flag: 'x' })
  return Buffer.concat([pax, padded(content), own])
}

/** To whole blocks. */
export function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc(paddingOf(content.length))])
}

export function paddingOf(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES
}

function record(name: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${name}=${value}\n`)
  let length = rest + String(rest).length
  if (String(length).length !== String(rest).length) length = rest + String(length).length
  return Buffer.from(`${length} ${name}=${value}\n`)
}

function block({ path, target, bytes, mode, mtimeMs, flag }: Entry & { readonly flag: string }): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES)
  header.write(cut(path), 0)
  octal(header, 100, 8, mode)
  octal(header, 108, 8, 0)
  octal(header, 116, 8, 0)
  octal(header, 124, 12, bytes > 0o77777777777 ? 0 : bytes)
  octal(header, 136, 12, Math.max(0, Math.floor(mtimeMs / 1000)))
  header.write('        ', 148)
  header.write(flag, 156)
  header.write(cut(target), 157)
  header.write('ustar\x0000', 257, 'latin1')
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

function cut(path: string): string {
  return Buffer.byteLength(path) > 100 ? 'long' : path
}

function octal(header: Buffer, at: number, length: number, value: number): void {
  header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
}

/** Octal digits, or GNU's big-endian bytes behind a set bit. */
function number(header: Buffer, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) !== 0) {
    let value = (header[at] ?? 0) & 0x7f
    for (let i = at + 1; i < at + length; i++) value = value * 256 + (header[i] ?? 0)
    return value
  }
  const digits = text(header, at, length).trim()
  if (!/^[0-7]*$/.test(digits)) throw broken('a header is damaged')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function text(header: Buffer, at: number, length: number): string {
  const end = header.subarray(at, at + length).indexOf(0)
  return header.toString('utf8', at, end === -1 ? at + length : at + end)
}

export function broken(why: string): NsctlError {
  return new NsctlError('Failed', `what came is no whole tar archive: ${why}`)
}

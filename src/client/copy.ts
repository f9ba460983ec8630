/** Copies files between this machine and what a program sees, with the tar that is beside the program. */
import { lstat } from 'node:fs/promises'
import { basename } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { getSystemErrorMessage } from 'node:util'
import { NsctlError } from '../core/errors.ts'
import { randomIds } from '../core/ids.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Client } from './client.ts'
import { pack } from './tar/pack.ts'
import { unpack } from './tar/unpack.ts'

export interface Copying {
  readonly client: Pick<Client, 'exec'>
  readonly instance: AnyResource
  readonly program?: string
  /** Told of what is left out. */
  readonly note: (text: string) => void
}

const MAX_SAID_BYTES = 4 * 1024

/** On NixOS it may be in the system's profile and on no program's PATH. */
const TAR = `tar() { for one in tar /run/current-system/sw/bin/tar /usr/bin/tar /bin/tar; do
  if command -v "$one" >/dev/null 2>&1; then command "$one" "$@"; return; fi
done; echo 'there is no tar here' >&2; return 127; }`

const FROM = `${TAR}
if [ -d "$1" ]; then cd -- "$1" && tar -cf - .
else case $1 in */*) cd -- "\${1%/*}/" ;; esac && tar -cf - -- "./\${1##*/}"; fi`

/** Beside its place first: what is moved there is there as a whole. */
const TO = `set -eu
${TAR}
to=$1
case $to in -*) to=./$to ;; esac
if [ -d "$to" ] && [ -n "$2" ]; then to=\${to%/}/$2; fi
if [ -d "$to" ]; then echo "$to is a folder already: name one that is not there, or remove it" >&2; exit 1; fi
case $to in */*) folder=\${to%/*}/ ;; *) folder=. ;; esac
if [ ! -d "$folder" ]; then echo "there is no folder $folder" >&2; exit 1; fi
draft=$folder/.nsctl-cp-$3
trap 'rm -rf "$draft"' EXIT
trap 'exit 143' HUP INT TERM
mkdir -m 700 "$draft"
tar -xpf - --no-same-owner -C "$draft"
mv -f "$draft/content" "$to"`

const CAT_TO = `set -eu
to=$1
case $to in -*) to=./$to ;; esac
if [ -d "$to" ]; then echo "$to is a folder" >&2; exit 1; fi
case $to in */*) folder=\${to%/*}/ ;; *) folder=. ;; esac
if [ ! -d "$folder" ]; then echo "there is no folder $folder" >&2; exit 1; fi
draft=$folder/.nsctl-cp-$2
trap 'rm -f "$draft"' EXIT
trap 'exit 143' HUP INT TERM
set -C
cat >"$draft"
chmod 644 "$draft"
mv -f "$draft" "$to"`

/** Under `to`, which is no folder; one file to standard output where left out. */
export async function copyFrom(
  copying: Copying,
  path: string,
  to: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (to === undefined) return await ran(copying, ['cat', '--', path], { stdout: process.stdout }, signal)
  const archive = new PassThrough()
  // told by whoever reads it, or by the command, and not twice
  archive.on('error', () => {})
  const failed = new AbortController()
  const both = AbortSignal.any([signal, failed.signal])
  const sending = ran(copying, ['sh', '-c', FROM, 'sh', path], { stdout: archive }, both).then(
    () => archive.end(),
    // what the other end says is wrong, not that the archive ends
    (error: unknown) => archive.destroy(error as Error),
  )
  try {
    await unpack(archive, { to, note: copying.note })
    await sending
  } catch (error) {
    failed.abort(error)
    await sending
    signal.throwIfAborted()
    throw asKnown(error, 'write', to)
  }
}

/** From standard input where `path` is left out: one file then. */
export async function copyTo(
  copying: Copying,
  path: string | undefined,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  if (path === undefined)
    return await ran(
      copying,
      ['sh', '-c', CAT_TO, 'sh', to, randomIds.suffix(8)],
      { stdin: process.stdin },
      signal,
    )
  await lstat(path).catch((error: unknown) => {
    throw asKnown(error, 'read', path)
  })
  const failed = new AbortController()
  const archive = Readable.from(packed(path, copying.note, failed), { objectMode: false })
  const both = AbortSignal.any([signal, failed.signal])
  try {
    await ran(
      copying,
      ['sh', '-c', TO, 'sh', to, basename(path), randomIds.suffix(8)],
      { stdin: archive },
      both,
    )
  } finally {
    archive.destroy()
  }
}

/** An archive that cannot be made to its end must not look like one that has one. */
async function* packed(path: string, note: Copying['note'], failed: AbortController): AsyncGenerator<Buffer> {
  try {
    yield* pack(path, { as: 'content', note })
  } catch (error) {
    failed.abort(asKnown(error, 'read', path))
    // until the command is ended
    await new Promise(() => {})
  }
}

interface Own {
  readonly stdin?: Readable
  readonly stdout?: NodeJS.WritableStream
}

/** @throws NsctlError Failed with what the command said */
async function ran(
  { client, instance, program }: Copying,
  command: readonly [string, ...string[]],
  { stdin, stdout }: Own,
  signal: AbortSignal,
): Promise<void> {
  let said = ''
  const stderr = new PassThrough()
  stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-MAX_SAID_BYTES)
  })
  const streams = { stderr, stdout: (stdout as PassThrough | undefined) ?? stderr, ...(stdin && { stdin }) }
  const request = { instance, command, stdin: stdin !== undefined, tty: false, streams }
  const code = await client.exec({ ...request, ...(program === undefined ? {} : { program }) }, signal)
  if (code === 0) return
  const { name } = instance.metadata
  throw new NsctlError('Failed', `${name}: ${said.trim() || `tar ended with ${code}`}`, { value: name })
}

/** What this machine refuses, without the names of our drafts. */
function asKnown(error: unknown, verb: 'read' | 'write', path: string): unknown {
  const { errno } = error as NodeJS.ErrnoException
  if (!(error instanceof Error) || error.name === 'NsctlError' || errno === undefined) return error
  return new NsctlError('Failed', `cannot ${verb} ${path}: ${getSystemErrorMessage(errno)}`, {
    value: path,
    cause: error,
  })
}

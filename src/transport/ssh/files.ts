/** Files of a server, by its own shell: one exchange each, and no more than sh and coreutils needed there. */
import { NsctlError } from '../../core/errors.ts'
import { assertPath } from '../command.ts'
import {
  type CommandResult,
  DEFAULT_MAX_OUTPUT_BYTES,
  type GetFileOptions,
  type PutFileOptions,
  type Transport,
} from '../transport.ts'

/** `$1` path, `$2` mode, `$3` bytes. What is cut off has fewer bytes than it should, and is not put in place. */
const PUT = `
[ ! -d "$1" ] || { echo "is a directory" >&2; exit 1; }
umask 077
part=$(mktemp "$1.XXXXXXXX") || exit 1
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part" && chmod "$2" "$part" || exit 1
got=$(wc -c <"$part") || exit 1
[ "$got" -eq "$3" ] || { echo "only $got of $3 bytes arrived" >&2; exit 1; }
sync "$part" && mv -f "$part" "$1"
`

const MISSING = 44

/** `$1` path, `$2` the most bytes to print. */
const GET = `
[ -e "$1" ] || [ -L "$1" ] || exit ${MISSING}
[ ! -d "$1" ] || { echo "is a directory" >&2; exit 1; }
exec head -c "$2" -- "$1"
`

export async function putFile(
  transport: Pick<Transport, 'run'>,
  path: string,
  content: string | Uint8Array,
  { signal, mode }: PutFileOptions,
): Promise<void> {
  assertPath(path)
  const words = [path, mode.toString(8), String(Buffer.byteLength(content))]
  const result = await transport.run(
    { argv: ['/bin/sh', '-c', PUT, 'put', ...words] },
    { signal, stdin: content },
  )
  if (result.exitCode !== 0) throw failed(`${path} cannot be written`, path, result)
}

export async function getFile(
  transport: Pick<Transport, 'run'>,
  path: string,
  { signal, maxBytes = DEFAULT_MAX_OUTPUT_BYTES }: GetFileOptions,
): Promise<Buffer | undefined> {
  assertPath(path)
  const result = await transport.run(
    { argv: ['/bin/sh', '-c', GET, 'get', path, String(maxBytes + 1)] },
    { signal, maxOutputBytes: maxBytes + 1 },
  )
  if (result.exitCode === MISSING) return undefined
  if (result.exitCode !== 0) throw failed(`${path} cannot be read`, path, result)
  if (result.stdout.length > maxBytes)
    throw new NsctlError('TooLarge', `${path} has more than ${maxBytes} bytes`, { value: path })
  return result.stdout
}

function failed(what: string, path: string, { stderr, exitCode, signal }: CommandResult): NsctlError {
  const words = stderr.toString().trim() || `the command ended with ${exitCode ?? signal}`
  return new NsctlError('Failed', `${what}: ${words}`, { value: path })
}

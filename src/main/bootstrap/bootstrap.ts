/**
 * `nsctl node bootstrap`: from a machine that can be reached over SSH to a node whose agent runs. Each step is whole or not done at all,
 * and finds out by itself whether it is done already: whoever is cut off runs it again.
 */
import { createHash } from 'node:crypto'
import type { Transport } from '../../transport/transport.ts'
import { archiveOf } from './archive.ts'
import { nodeParcel, nsctlParcel, type Parcel } from './parcels.ts'
import { chooseNode, hasToJoin, type NodeKnown } from './plan.ts'
import { type AdminShell, adminShell } from './shell.ts'
import { PROGRAM_DIR, type Survey, surveyOf } from './survey.ts'

export interface BootstrapOptions {
  readonly transport: Transport
  readonly node: string
  readonly known: NodeKnown
  /** Makes a join token for this node alone, good for a few minutes. */
  readonly makeToken: () => Promise<string>
  /** Further flags of nsctl agent. */
  readonly words: readonly string[]
  readonly dryRun: boolean
  readonly signal: AbortSignal
  /** For people, a line for each step as it is done. */
  readonly tell: (line: string) => void
}

export interface Bootstrapped {
  /** False where everything was as it should be. */
  readonly hasChanged: boolean
}

/** @throws NsctlError Unsupported, Conflict for a machine that will not do; Failed with its own words; Unreachable */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrapped> {
  const { transport, signal, dryRun, tell, known } = options
  const name = options.node
  const shell = await adminShell(transport, signal)
  const survey = await surveyOf(shell, signal)
  const joins = hasToJoin(survey, known, name)
  const { nsctl, node } = await parcelsFor(survey, name)
  // nsctl is tried with the Node that it runs with
  const parcels = node === undefined ? [nsctl] : [node, nsctl]
  const missing = parcels.filter((parcel) => !survey.parcels.includes(parcel.name))
  for (const parcel of missing) {
    const archive = await archiveOf(parcel.entries)
    const size = `${(archive.length / 1e6).toFixed(1)} MB`
    if (!dryRun) await send(shell, { parcel, archive }, signal)
    tell(`${dryRun ? 'would send' : 'sent'} ${parcel.name} (${size})`)
  }
  if (joins && dryRun) tell(`would join as node ${name}`)
  if (dryRun) {
    if (missing.length > 0) tell('would install and start nsctl-agent.service')
    return { hasChanged: joins || missing.length > 0 }
  }
  const said = await install(options, { shell, program: nsctl.name, joins })
  for (const line of said) tell(line)
  await shell.run(KEEP, [PROGRAM_DIR, nsctl.name, ...(node === undefined ? [] : [node.name])], { signal })
  return { hasChanged: missing.length > 0 || !said.some((line) => line.includes('runs as it should')) }
}

async function parcelsFor(
  survey: Survey,
  name: string,
): Promise<{ readonly nsctl: Parcel; readonly node?: Parcel }> {
  const choice = chooseNode(survey, { arch: process.arch, name })
  if (choice.kind === 'own') return { nsctl: await nsctlParcel({ path: choice.path }) }
  const node = await nodeParcel()
  return { nsctl: await nsctlParcel({ parcel: node.name }), node }
}

/** `$1` folder, `$2` parcel, `$3` bytes, `$4` SHA-256, `$5` what has to run. Nothing of what is cut off stays. */
const PUT = `
umask 022
mkdir -p "$1" && chmod 755 "$1" || exit 1
find "$1" -maxdepth 1 -name '.part-*' -mmin +60 -exec rm -rf {} +
part=$(mktemp -d "$1/.part-XXXXXXXX") || exit 1
trap 'rm -rf "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part/archive" || exit 1
got=$(wc -c <"$part/archive") || exit 1
[ "$got" -eq "$3" ] || { echo "only $got of $3 bytes of $2 arrived" >&2; exit 1; }
echo "$4  $part/archive" | sha256sum -c --status || { echo "$2 arrived changed" >&2; exit 1; }
mkdir "$part/$2" && tar -xzf "$part/archive" -C "$part/$2" --no-same-owner || exit 1
for beside in "$1"/node-*; do [ ! -d "$beside" ] || ln -s "$beside" "$part/"; done
"$part/$2/$5" --version >/dev/null || { echo "what $2 holds does not run on this machine" >&2; exit 1; }
sync
[ -d "$1/$2" ] || mv -T "$part/$2" "$1/$2"
`

/** `$1` folder, then what is in use, nsctl first. What a unit was started from, or is started from at the next boot, stays whatever its age. */
const KEEP = `
cd "$1" || exit 1
shift
ln -sfn "$1" ".part-$$" && mv -T ".part-$$" current || exit 1
for one in node-* nsctl-*; do
  case " $* " in *" $one "*) continue ;; esac
  [ -d "$one" ] || continue
  grep -qrsF "/$one/" /run/systemd/system /etc/systemd/system/nsctl-agent.service /var/lib/nsctl/desired || rm -rf "$one"
done
`

async function send(
  shell: AdminShell,
  { parcel, archive }: { readonly parcel: Parcel; readonly archive: Buffer },
  signal: AbortSignal,
): Promise<void> {
  const sum = createHash('sha256').update(archive).digest('hex')
  const words = [PROGRAM_DIR, parcel.name, String(archive.length), sum, parcel.program]
  await shell.run(PUT, words, { signal, stdin: archive })
}

interface Installing {
  readonly shell: AdminShell
  readonly program: string
  readonly joins: boolean
}

/** The token goes through standard input: it is in no file and in no list of processes. */
async function install(
  { node, words, makeToken, signal }: BootstrapOptions,
  { shell, program, joins }: Installing,
): Promise<readonly string[]> {
  const flags = ['--runtime', 'systemd', '--node', node, ...words]
  const said = await shell.run(
    'program=$1; shift; exec "$program" agent --install "$@"',
    [`${PROGRAM_DIR}/${program}/bin/nsctl`, ...flags, ...(joins ? ['--join-token-file', '-'] : [])],
    { signal, ...(joins && { stdin: await makeToken() }) },
  )
  return said.trim().split('\n')
}

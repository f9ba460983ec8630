/** What a machine is, asked of it in one exchange. */
import { NsctlError } from '../../core/errors.ts'
import type { AdminShell } from './shell.ts'

export interface Survey {
  /** `Linux` */
  readonly system: string
  /** `x86_64` */
  readonly arch: string
  /** Of the systemd that is PID 1; undefined where another is. */
  readonly systemd?: number
  readonly isNixos: boolean
  /** Its own Node, by its whole path. */
  readonly node?: { readonly path: string; readonly version: string }
  /** NixOS runs programs of others only with nix-ld. */
  readonly runsForeign: boolean
  readonly freeBytes: number
  /** Parcels that have arrived there. */
  readonly parcels: readonly string[]
  /** `nsctl up` is installed there. */
  readonly hasDaemon: boolean
  readonly hasJoined: boolean
  /** As which node of which store it has run programs. */
  readonly claim?: { readonly storeUrl: string; readonly node: string }
}

/** Where parcels arrive: outside of homes and of what only root may see, since programs may run from it. */
export const PROGRAM_DIR = '/var/lib/nsctl-program'

/** `$1` where parcels arrive. One fact a line. */
const ASK = `
echo "system $(uname -s)"
echo "arch $(uname -m)"
[ ! -d /run/systemd/system ] || echo "systemd $(systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"
[ ! -e /etc/NIXOS ] || { echo nixos yes; [ -e /run/current-system/sw/share/nix-ld ] || echo foreign no; }
node=$(command -v node) && case $node in /*) echo "node $(node -p process.versions.node) $node" ;; esac
folder=$1
while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
df -Pk "$folder" | { read -r _; read -r _ _ _ free _; echo "free $free"; }
for one in "$1"/node-* "$1"/nsctl-*; do [ ! -d "$one" ] || echo "parcel \${one##*/}"; done
[ ! -e /etc/systemd/system/nsctl.service ] || echo daemon yes
[ ! -e /var/lib/nsctl/membership.json ] || echo joined yes
if [ -e /var/lib/nsctl/store-url ]; then
  { read -r store; read -r name; } </var/lib/nsctl/store-url
  echo "claim $name $store"
fi
exit 0
`

export async function surveyOf(shell: AdminShell, signal: AbortSignal): Promise<Survey> {
  return readSurvey(await shell.run(ASK, [PROGRAM_DIR], { signal }))
}

/** @throws NsctlError Failed where that is no answer */
export function readSurvey(text: string): Survey {
  const facts = text.split('\n').map((line) => {
    const at = line.indexOf(' ')
    return [line.slice(0, at), line.slice(at + 1)] as const
  })
  const all = (name: string) => facts.filter(([one]) => one === name).map(([, value]) => value)
  const [system, arch] = [all('system')[0], all('arch')[0]]
  if (system === undefined || arch === undefined)
    throw new NsctlError('Failed', 'the machine does not say what it is', { value: text.slice(0, 200) })
  const systemd = Number(all('systemd')[0])
  const [, version, path] = /^(\S+) (.+)$/.exec(all('node')[0] ?? '') ?? []
  const [, node, storeUrl] = /^(\S*) (.+)$/.exec(all('claim')[0] ?? '') ?? []
  return {
    system,
    arch,
    ...(systemd > 0 && { systemd }),
    isNixos: all('nixos').length > 0,
    ...(version !== undefined && path !== undefined && { node: { path, version } }),
    runsForeign: all('foreign').length === 0,
    freeBytes: Number(all('free')[0] ?? 0) * 1024,
    parcels: all('parcel'),
    hasDaemon: all('daemon').length > 0,
    hasJoined: all('joined').length > 0,
    ...(node !== undefined && storeUrl !== undefined && { claim: { storeUrl, node } }),
  }
}

/** Storage of another machine: systemd makes it, and what is left to do is looking and removing. */
import { NsctlError } from '../../../core/errors.ts'
import type { Transport } from '../../../transport/transport.ts'
import type { VolumeId } from '../../runtime.ts'
import type { Layout } from '../layout.ts'
import { type VolumeFolders, volumePath } from '../storage.ts'

/** `$1` the root of all; namespace, service, volume and ordinal below it, a line each. */
const LIST = `
cd "$1" 2>/dev/null || exit 0
for one in */*/*/*; do [ ! -e "$one" ] && [ ! -L "$one" ] || printf '%s\\n' "$one"; done
`

/** `$1` the volume. A dynamic user's is a link to where systemd keeps others out. Volume, service and namespace go with their last ordinal. */
const PURGE = `
remove() {
  rm -rf -- "$1" || exit 1
  above=$(dirname "$1"); above2=$(dirname "$above"); above3=$(dirname "$above2")
  rmdir -- "$above" 2>/dev/null && rmdir -- "$above2" 2>/dev/null && rmdir -- "$above3" 2>/dev/null
  return 0
}
[ ! -L "$1" ] || { target=$(readlink -f -- "$1") && [ -n "$target" ] && remove "$target"; }
[ ! -e "$1" ] && [ ! -L "$1" ] || remove "$1"
`

const EMPTY = `for one; do rmdir -- "$one" 2>/dev/null; done; exit 0`

export function volumesOver(
  transport: Pick<Transport, 'run' | 'name'>,
  layout: Layout,
  signal: AbortSignal,
): VolumeFolders {
  const run = async (script: string, ...words: readonly string[]) => {
    const { exitCode, stdout, stderr } = await transport.run(
      { argv: ['/bin/sh', '-c', script, 'storage', ...words] },
      { signal },
    )
    if (exitCode === 0) return stdout.toString()
    throw new NsctlError('Failed', `${transport.name}: storage: ${stderr.toString().trim()}`, {
      value: words[0],
    })
  }
  return {
    storagePath: (volume) => volumePath(layout, volume),
    listStorage: async () => (await run(LIST, layout.storageDir)).split('\n').flatMap(readVolume),
    async purgeStorage(volume) {
      await run(PURGE, volumePath(layout, volume))
    },
    // systemd makes them for root
    foldersFor: () => [],
    async removeEmptyFolders() {
      const { storageDir, stateDirectory } = layout
      const hidden = `/var/lib/private/${stateDirectory}`
      await run(EMPTY, storageDir, hidden, hidden.slice(0, hidden.lastIndexOf('/')))
    },
  }
}

function readVolume(line: string): readonly VolumeId[] {
  const [namespace, service, volume, ordinal] = line.split('/')
  if (namespace === undefined || service === undefined || volume === undefined || ordinal === undefined)
    return []
  return [{ namespace, service, volume, ordinal: Number(ordinal) }]
}

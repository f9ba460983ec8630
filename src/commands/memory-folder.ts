/** A folder for plain text: in memory, for its owner alone, and gone afterwards. */
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NsctlError } from '../core/errors.ts'

/** statfs(2): file systems that live in memory. */
const TMPFS = 0x01021994
const RAMFS = 0x858458f6
const PREFIX = 'nsctl-secret-'
const SIGNALS = ['SIGTERM', 'SIGHUP'] as const

export interface MemoryFolderOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where there is no memory to write to, the disk's temporary folder is taken. */
  readonly isDiskAllowed: boolean
  /** Where memory is looked for, besides $XDG_RUNTIME_DIR. */
  readonly places?: readonly string[]
}

/**
 * Calls `use` with the folder and removes it however that ends, also with SIGTERM and SIGHUP. What SIGKILL has left is removed by the
 * next one.
 *
 * @throws NsctlError Failed where there is no file system in memory
 */
export async function withMemoryFolder<T>(
  options: MemoryFolderOptions,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = parentOf(options)
  removeLeftovers(parent)
  const folder = mkdtempSync(join(parent, `${PREFIX}${process.pid}-`))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const onSignal = (signal: NodeJS.Signals) => {
    remove()
    process.off(signal, onSignal)
    process.kill(process.pid, signal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('exit', remove)
  try {
    return await use(folder)
  } finally {
    remove()
    process.off('exit', remove)
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

const PLACES = ['/dev/shm', '/run']

function parentOf({ env, isDiskAllowed, places = PLACES }: MemoryFolderOptions): string {
  const found = [env.XDG_RUNTIME_DIR, ...places, tmpdir()].find((path) => path && isInMemory(path))
  if (found !== undefined) return found
  if (isDiskAllowed) return tmpdir()
  throw new NsctlError(
    'Failed',
    'there is no file system in memory for what is opened, and a disk would keep it',
    {
      next: 'mount a tmpfs at /dev/shm, or allow the disk: nsctl secret edit NAME --insecure-temp; nsctl secret rotate NAME --from-file KEY=- needs neither',
    },
  )
}

function isInMemory(path: string): boolean {
  try {
    const { type } = statfsSync(path)
    if (type !== TMPFS && type !== RAMFS) return false
    // that it can be written to is known once it was
    rmSync(mkdtempSync(join(path, PREFIX)), { recursive: true })
    return true
  } catch {
    return false
  }
}

/** Of this user, whose nsctl is no more. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${PREFIX}([0-9]+)-`).exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeIfOurs(join(parent, name))
  }
}

function removeIfOurs(path: string): void {
  try {
    // another user's may be in use in a container, whose processes are not seen here
    if (lstatSync(path).uid !== process.getuid?.()) return
    rmSync(path, { recursive: true, force: true })
  } catch {
    // somebody else removes it just now
  }
}

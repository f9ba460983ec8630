/** Where everything of a systemd runtime lies. */
import { homedir } from 'node:os'
import { isAbsolute, join, relative } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { digest } from '../../core/ids.ts'
import { type Disk, localDisk } from '../disk.ts'
import type { ManagerScope } from './dbus/address.ts'

export interface Layout {
  readonly scope: ManagerScope
  /** What the small files lie on. */
  readonly disk: Disk
  /** Unit files that are gone after a reboot: on NixOS /etc/systemd/system is read-only. */
  readonly unitDir: string
  /** Each instance's own variables. */
  readonly envDir: string
  /** Mount points for what a hidden place is bound to. */
  readonly bindDir: string
  /** Programs' material: only the runtime's own user may enter. */
  readonly materialDir: string
  /** Folders of links to credentials, for units to bind. */
  readonly linkDir: string
  /** Mount points at which units see their material. */
  readonly givenDir: string
  /** Of containers: how each is kept, and the empty root. */
  readonly containerDir: string
  /** What was seen of programs since boot. */
  readonly memoryFile: string
  /** There when the desired set has been brought back since boot. */
  readonly restoredFile: string
  /** A file for each arming of the fence. */
  readonly fenceDir: string
  /** Says, in seconds since boot, until when unique programs may be started, and when they must be gone. */
  readonly fenceFile: string
  /** What should run, for the next boot. */
  readonly desiredDir: string
  /** Where storage is seen from outside. */
  readonly storageDir: string
  /** The same relative to where systemd keeps state, for StateDirectory=; undefined where nsctl makes the directories itself. */
  readonly stateDirectory: string | undefined
}

export interface LayoutOptions {
  readonly scope: ManagerScope
  /** Outlives a reboot: /var/lib/nsctl. */
  readonly stateDir: string
  /** Gone after a reboot: /run/nsctl; a folder of $XDG_RUNTIME_DIR for a user. Derived if left out. */
  readonly runDir?: string
  /** This machine's if left out. */
  readonly disk?: Disk
}

const SYSTEM_STATE = '/var/lib'

/** @throws Unsupported for a user without a runtime directory */
export function layoutOf({ scope, stateDir, runDir, disk = localDisk }: LayoutOptions): Layout {
  const runtime = runtimeDir(scope)
  const run = runDir ?? join(scope === 'system' ? '/run' : runtime, 'nsctl')
  const stateDirectory = scope === 'system' ? storageUnder(stateDir) : undefined
  return {
    scope,
    disk,
    unitDir: join(runtime, scope === 'system' ? 'systemd/system' : 'systemd/user'),
    envDir: join(run, 'env'),
    bindDir: join(run, 'bind'),
    materialDir: join(run, 'materials'),
    linkDir: join(run, 'links'),
    givenDir: join(run, 'given'),
    containerDir: join(run, 'containers'),
    memoryFile: join(run, 'programs.json'),
    restoredFile: join(run, 'restored'),
    fenceDir: join(run, 'armed'),
    fenceFile: join(run, 'fence'),
    desiredDir: join(stateDir, 'desired'),
    storageDir: stateDirectory === undefined ? join(stateDir, 'storage') : join(SYSTEM_STATE, stateDirectory),
    stateDirectory,
  }
}

/** systemd makes state only beneath /var/lib: a state directory elsewhere gets a place of its own there. */
function storageUnder(stateDir: string): string {
  const inside = relative(SYSTEM_STATE, stateDir)
  const beneath = inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)
  if (beneath && /^[A-Za-z0-9/._-]+$/.test(inside)) return join(inside, 'storage')
  return join(`nsctl-${digest(stateDir, 8)}`, 'storage')
}

function runtimeDir(scope: ManagerScope): string {
  if (scope === 'system') return '/run'
  const dir = process.env.XDG_RUNTIME_DIR
  if (dir !== undefined && isAbsolute(dir)) return dir
  throw new NsctlError(
    'Unsupported',
    `XDG_RUNTIME_DIR is not set: ${homedir()}'s user has no systemd of its own here`,
    {
      next: 'log in as this user, or use --runtime process',
    },
  )
}

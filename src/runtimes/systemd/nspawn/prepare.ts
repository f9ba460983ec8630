/** Whether this machine has what containers take, and putting in place what they are run in. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { NsctlError } from '../../../core/errors.ts'
import type { ProgramContainer } from '../../runtime.ts'
import type { ManagerScope } from '../dbus/address.ts'
import type { Layout } from '../layout.ts'
import { TOOLS_PATH } from './lines.ts'
import { type ContainerRoot, installSkeleton, rootOf } from './root.ts'
import { installKeeper } from './shim.ts'

/** With the packages that they are in on Debian. */
const TOOLS: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  'systemd-notify': 'systemd',
  setpriv: 'util-linux',
  nsenter: 'util-linux',
}

/** Undefined where containers can be run. */
export function whyNoContainers(scope: ManagerScope): string | undefined {
  if (scope === 'user') return "a user's systemd cannot run containers: they take root"
  const missing = Object.keys(TOOLS).find((tool) => !isInstalled(tool))
  return missing === undefined ? undefined : `${missing} is not on this machine (package ${TOOLS[missing]})`
}

export function noContainers(why: string): NsctlError {
  return new NsctlError('Unsupported', `runtime nspawn: ${why}`, {
    value: 'nspawn',
    next: 'run the agent as root on a machine with systemd-nspawn, or leave out template.runtime',
  })
}

/** Where containers can be run. @throws Invalid for a root that will not do */
export function chooseRoot(container: ProgramContainer, layout: Layout): ContainerRoot {
  return rootOf(container, skeletonOf(layout))
}

/** Puts in place what the units of containers count on. It is gone after a reboot, as they are. */
export function prepareContainers(layout: Layout): void {
  installKeeper(layout.containerDir)
  installSkeleton(skeletonOf(layout))
}

function skeletonOf({ containerDir }: Layout): string {
  return join(containerDir, 'root')
}

function isInstalled(tool: string): boolean {
  return TOOLS_PATH.split(':').some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Programs of the machine that a runtime needs. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { NsctlError } from '../core/errors.ts'

/** By full path, since PATH may become a program's. @throws NsctlError Unsupported */
export function findTool(name: string): string {
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/bin',
    '/usr/sbin',
    '/bin',
    '/run/current-system/sw/bin',
  ]
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // not in this one
    }
  }
  throw new NsctlError('Unsupported', `${name} is not on this machine`, {
    value: name,
    next: 'install util-linux and coreutils there',
  })
}

/** Where systemctl is, for units that run it: systemd looks for programs in places of its own. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = ['/run/current-system/sw/bin', '/usr/bin', '/bin']

/** Absolute where it is found. */
export function findSystemctl(path: string = process.env.PATH ?? ''): string {
  const folders = [...path.split(':').filter((one) => one.startsWith('/')), ...FOLDERS]
  const found = folders.map((folder) => join(folder, 'systemctl')).find(isExecutable)
  return found ?? 'systemctl'
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

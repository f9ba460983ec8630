/** Rules of storage, and of where a program may see what is put in place for it. */
import type { Path } from '../../core/json.ts'
import type { ServiceStorage } from '../generated/types.ts'
import { quote } from '../validation/words.ts'
import { findDuplicates, type Issues } from './field-rules.ts'

const SPEC: Path = ['spec']
const STORAGE: Path = [...SPEC, 'storage']

/** The kernel's; nothing can be mounted there or beneath. */
const KERNEL = ['/proc', '/sys', '/dev']

/** A volume here would hide what every program needs; beneath is fine. */
const SYSTEM = [
  '/bin',
  '/boot',
  '/etc',
  '/home',
  '/lib',
  '/lib64',
  '/nix',
  '/nix/store',
  '/run',
  '/sbin',
  '/tmp',
  '/usr',
  '/var',
]

export function checkStorage(issues: Issues, storage: readonly ServiceStorage[] | undefined): void {
  if (storage === undefined) return
  findDuplicates(issues, storage, SPEC, 'storage')
  for (let index = 0; index < storage.length; index++) {
    const { path } = storage[index]!
    // most Services have one volume: there is nothing to compare it with
    const message =
      pathFault(path) ?? (index === 0 ? undefined : overlapFault(placesOfStorage(storage, index), path))
    if (message !== undefined) issues.push({ path: [...STORAGE, index, 'path'], message, value: path })
  }
}

/** Where the first `count` volumes are seen; all where left out. */
export function placesOfStorage(
  storage: readonly ServiceStorage[],
  count = storage.length,
): readonly Place[] {
  return storage.slice(0, count).map(({ path }, index) => ({ name: `storage[${index}]`, path }))
}

/** A directory that a program sees. */
export interface Place {
  /** `storage[0]` */
  readonly name: string
  readonly path: string
}

/** Why nothing can be mounted at `path`; undefined where something can. */
export function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return `must be absolute, not ${quote(path)}`
  if (/[\p{Cc}:]/u.test(path)) return `must have no control characters and no colon, not ${quote(path)}`
  const steps = path.slice(1).split('/')
  if (path === '/') return 'must be a directory below /, not / itself'
  if (steps.some((step) => step === '' || step === '.' || step === '..'))
    return `must be written without empty steps, . and .., not ${quote(path)}`
  const kernel = KERNEL.find((one) => path === one || path.startsWith(`${one}/`))
  if (kernel !== undefined) return `cannot be in ${kernel}, which is the kernel's`
  if (SYSTEM.includes(path)) return `would hide ${path} from the program; choose a directory beneath it`
  return undefined
}

/** What of `earlier` is the same directory as `path`, in it or around it. */
export function overlapFault(earlier: readonly Place[], path: string): string | undefined {
  for (const { name, path: other } of earlier) {
    if (other === path) return `must be unique: ${name} is seen at ${path} too`
    if (path.startsWith(`${other}/`)) return `must not be in ${name} (${other})`
    if (other.startsWith(`${path}/`)) return `must not hold ${name} (${other})`
  }
  return undefined
}

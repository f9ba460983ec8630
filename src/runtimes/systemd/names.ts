/** Names of units, and of everything else that follows from an id. Pure. */
import { digest } from '../../core/ids.ts'
import type { ProgramId } from '../runtime.ts'

/** All of nsctl's instances, and none of nsctl's own units. */
export const UNIT_PATTERN = 'nsctl-*@*.service'
export const SLICE = 'nsctl.slice'
/** Those of them that end with the node's lease; it lies in the other one. */
export const UNIQUE_SLICE = 'nsctl-unique.slice'
/** How its name begins, and those of slices in it; no other does: a hyphen within a name is escaped. */
export const UNIQUE_STEM = 'nsctl-unique'

const UNIT = /^nsctl-([a-z0-9-]+)_([a-z0-9-]+)_([a-z0-9]+)(?:_([a-z0-9-]+))?@(\d+)\.service$/
const GROUP_FILE =
  /^nsctl-(?:[a-z0-9-]+_){2}[a-z0-9]+@\.target$|^nsctl-(?:unique-)?(?:[a-zN0-9\\]+_){2}[a-z0-9]+_\d+\.slice$/
/** What systemd takes as a user's name. */
const MAX_USER_LENGTH = 31
/** A unit's name has 255 characters at most. */
const MAX_SLICE_LENGTH = 220
const DIGEST_LENGTH = 20

/** `nsctl-default_web_h3kq9x2mzc@`, a group's program `…_h3kq9x2mzc_worker@`: the unit's name without ordinal. */
export function templateName(id: ProgramId): string {
  const program = id.program === '' ? '' : `_${id.program}`
  return `nsctl-${id.namespace}_${id.service}_${id.templateHash}${program}@`
}

/** The same without what stands for the ordinal: for folders. */
export function templateStem(id: ProgramId): string {
  return templateName(id).slice(0, -1)
}

type GroupId = Omit<ProgramId, 'program' | 'ordinal'>

/** `nsctl-default_web_h3kq9x2mzc`: how a group's own units begin. */
export function groupStem({ namespace, service, templateHash }: GroupId): string {
  return `nsctl-${namespace}_${service}_${templateHash}`
}

/**
 * The same for slices, where a hyphen stands for a level: `nsctl-default_my\x2dweb_h3kq9x2mzc`. Names that become too long so give way to a digest;
 * the two forms never meet, since names have no capitals.
 */
export function sliceStem({ namespace, service, templateHash }: GroupId, fenced = false): string {
  const escaped = `${namespace}_${service}`.replaceAll('-', '\\x2d')
  const name =
    escaped.length <= MAX_SLICE_LENGTH ? escaped : `N_${digest(`${namespace}/${service}`, DIGEST_LENGTH)}`
  return `${fenced ? UNIQUE_STEM : 'nsctl'}-${name}_${templateHash}`
}

export function templateFile(id: ProgramId): string {
  return `${templateName(id)}.service`
}

export function unitName(id: ProgramId): string {
  return `${templateName(id)}${id.ordinal}.service`
}

/** Whether a file among units is a group's: its target, or the slice of an instance. */
export function isGroupFile(name: string): boolean {
  return GROUP_FILE.test(name)
}

/** The id of one of our units; undefined for any other unit. */
export function parseUnitName(unit: string): ProgramId | undefined {
  const match = UNIT.exec(unit)
  if (match === null) return undefined
  const [, namespace, service, templateHash, program = '', ordinal] = match as unknown as string[]
  return {
    namespace: namespace!,
    service: service!,
    templateHash: templateHash!,
    program,
    ordinal: Number(ordinal),
  }
}

/**
 * The user that a service runs as: one for all its templates and ordinals, so that storage keeps its owner. A long name gives
 * way to a digest; the two forms never meet, since names have no underscore.
 */
export function userName(id: Pick<ProgramId, 'namespace' | 'service'>): string {
  const plain = `nsctl-${id.namespace}_${id.service}`
  if (plain.length <= MAX_USER_LENGTH) return plain
  return `nsctl-${id.service.slice(0, 11)}-${digest(`${id.namespace}/${id.service}`, 12)}`
}

/** `$STORAGE_MY_DATA` for `my-data`. */
export function storageVariable(volume: string): string {
  return `STORAGE_${volume.toUpperCase().replaceAll('-', '_')}`
}

/** The unit that an object path of systemd names; undefined where the path is no unit's. */
export function unitOfObjectPath(path: string): string | undefined {
  const prefix = '/org/freedesktop/systemd1/unit/'
  if (!path.startsWith(prefix)) return undefined
  return path
    .slice(prefix.length)
    .replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** The object path of a unit: every byte that is no letter or digit as `_` and two hex digits. */
export function objectPathOfUnit(unit: string): string {
  const label = unit.replace(
    /[^A-Za-z0-9]/g,
    (char) => `_${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `/org/freedesktop/systemd1/unit/${label}`
}

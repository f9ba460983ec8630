/** What composing works with: contents by their source, and what turned out to be wrong on the way. Pure. */
import type { Material } from '../../resources/materials.ts'
import type { Obstacle } from '../instance/record.ts'

/** Values by key. */
export type Contents = ReadonlyMap<string, Uint8Array>

export type MaterialName = Pick<Material, 'kind' | 'name'>

export interface Gathering {
  /** Undefined where there is no such Config or Secret. */
  readonly find: (source: MaterialName) => Contents | undefined
  /** What keeps the programs from being started; the first is told. */
  readonly faults: Obstacle[]
  /** What was left out. */
  readonly notes: Set<string>
}

/** `secret/db`, as messages name it. */
export function sourceText({ kind, name }: MaterialName): string {
  return `${kind.toLowerCase()}/${name}`
}

/** Undefined where it is not there; that is a fault unless it is optional. */
export function contentsFor(
  source: MaterialName,
  optional: boolean,
  gathering: Gathering,
): Contents | undefined {
  const contents = gathering.find(source)
  if (contents === undefined && !optional) gathering.faults.push(missing(source))
  return contents
}

function missing(source: MaterialName): Obstacle {
  const remedy =
    source.kind === 'Secret'
      ? `make it with nsctl create secret generic ${source.name}`
      : `apply a Config of that name`
  return {
    phase: 'Pending',
    reason: `${source.kind}Missing`,
    message: `waits for ${sourceText(source)}, which is not there; ${remedy}, or mark it optional`,
  }
}

/** A version's keys never change: only another version heals this, and comes with another instance or a change of this one. */
export function keyMissing(source: MaterialName, key: string, user: string): Obstacle {
  const remedy =
    source.kind === 'Secret' ? `add it with nsctl secret edit ${source.name}` : `add it to the Config`
  return {
    phase: 'Failed',
    reason: 'KeyMissing',
    message: `${sourceText(source)} has no key ${key}, which ${user} takes; ${remedy}, or mark it optional`,
  }
}

/** The content as a variable's value; undefined where it cannot be one. */
export function textOf(content: Uint8Array): string | undefined {
  if (content.includes(0)) return undefined
  try {
    // a byte order mark is content like any other
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return undefined
  }
}

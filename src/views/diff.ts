/** What applying would change, as a unified diff of the YAML of both sides, under headings that name the fields. */
import { formatPath, isObject, type Path } from '../core/json.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Paint } from './colour.ts'
import { plainPaint } from './colour.ts'
import { withoutCiphertext } from './sealed.ts'

export interface DiffInput {
  /** `service/web` */
  readonly name: string
  /** What is stored; absent where the object would be created. */
  readonly live?: AnyResource
  /** What would be stored; absent where it would be deleted. */
  readonly merged?: AnyResource
  /** `shop/web.yaml` */
  readonly source: string
}

export interface DiffOptions {
  readonly paint?: Paint
  /** Unchanged lines around a change, within its field. */
  readonly context?: number
}

/**
 * The diff of one object; empty where nothing differs. Server-owned metadata and status are no part of it. Loads the diff and
 * YAML libraries.
 */
export async function renderDiff(input: DiffInput, options: DiffOptions = {}): Promise<string> {
  const paint = options.paint ?? plainPaint
  const { live, merged } = input
  const sections = changedSections(
    comparable(live && withoutCiphertext(live)),
    comparable(merged && withoutCiphertext(merged, live)),
    [],
  )
  if (sections.length === 0) return ''
  const [{ structuredPatch }, { stringify }] = await Promise.all([import('diff'), import('yaml')])
  const yaml = (value: unknown) =>
    value === undefined ? '' : stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
  const lines = [paint.strong(liveHeading(input)), paint.strong(`+++ ${input.source}`)]
  for (const section of sections) {
    const patch = structuredPatch('', '', yaml(section.from), yaml(section.to), '', '', {
      context: options.context ?? 2,
    })
    lines.push(paint.accent(`@@ ${formatPath(section.path) || input.name} @@`))
    patch.hunks.forEach((hunk, i) => {
      if (i > 0) lines.push(paint.faint('   …'))
      for (const line of hunk.lines) if (!line.startsWith('\\')) lines.push(paintLine(line, paint))
    })
  }
  return `${lines.join('\n')}\n`
}

function liveHeading(input: DiffInput): string {
  if (input.live === undefined) return `--- /dev/null ${input.name} is not there yet`
  const revision = input.live.metadata.revision
  return `--- live      ${input.name}${revision === undefined ? '' : ` r${revision}`}`
}

/** `-  memory: 128Mi`: the sign, a space, then the line. */
function paintLine(line: string, paint: Paint): string {
  const text = `${line[0]}  ${line.slice(1)}`.trimEnd()
  return line.startsWith('-') ? paint.bad(text) : line.startsWith('+') ? paint.good(text) : text
}

/** The part of an object that a manifest speaks of. */
function comparable(object: AnyResource | undefined): Record<string, unknown> | undefined {
  if (object === undefined) return undefined
  const { status: _status, metadata, apiVersion, kind, ...rest } = object
  const own: Record<string, unknown> = {}
  for (const key of ['labels', 'annotations', 'finalizers'] as const)
    if (metadata[key] !== undefined) own[key] = metadata[key]
  return Object.keys(own).length === 0 ? rest : { metadata: own, ...rest }
}

interface Section {
  readonly path: Path
  readonly from: unknown
  readonly to: unknown
}

/** The deepest maps whose own members differ: one section of the diff each. Lists are compared as a whole. */
function changedSections(from: unknown, to: unknown, path: Path): readonly Section[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return []
  if (!isObject(from) || !isObject(to)) return [{ path, from, to }]
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])]
  const inner: Section[] = []
  const here = new Set<string>()
  for (const key of keys) {
    const sections = changedSections(from[key], to[key], [...path, key])
    // a scalar is shown among its neighbours, a list under its own name
    if (sections.length > 0 && isScalar(from[key]) && isScalar(to[key]) && path.length > 0) here.add(key)
    else inner.push(...sections)
  }
  if (here.size === 0) return inner
  return [{ path, from: pick(from, here, to), to: pick(to, here, from) }, ...inner]
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null
}

/** The members that differ here, and the scalars beside them for orientation. */
function pick(
  map: Record<string, unknown>,
  changed: ReadonlySet<string>,
  other: Record<string, unknown>,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(map)) {
    const isSame = JSON.stringify(value) === JSON.stringify(other[key])
    if (changed.has(key) || (isSame && typeof value !== 'object')) kept[key] = value
  }
  return kept
}

export interface DiffOutcome {
  readonly created: number
  readonly changed: number
  /** Instances that the changes would replace, by how many at a time. */
  readonly replaced: number
  readonly atATime: number
  /** What is counted: `service`, or `object` where several kinds are among them. */
  readonly noun: string
}

/** `1 service changes: 3 instances would be replaced, 1 at a time` */
export function diffSummary(outcome: DiffOutcome): string {
  const parts: string[] = []
  if (outcome.created > 0) parts.push(`${count(outcome.created, outcome.noun)} would be created`)
  if (outcome.changed > 0) {
    const effect =
      outcome.replaced === 0
        ? 'no instance would be replaced'
        : `${count(outcome.replaced, 'instance')} would be replaced, ${outcome.atATime} at a time`
    parts.push(
      `${count(outcome.changed, outcome.noun)} ${outcome.changed === 1 ? 'changes' : 'change'}: ${effect}`,
    )
  }
  return parts.join('; ')
}

function count(n: number, noun: string): string {
  return `${n} ${n === 1 ? noun : noun === 'object' ? 'objects' : `${noun}s`}`
}

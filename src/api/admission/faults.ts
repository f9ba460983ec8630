/** What is wrong with one document, pointed at where it stands, and the error that several of them make. */
import { type ErrorCode, NsctlError } from '../../core/errors.ts'
import { formatPath, type Path } from '../../core/json.ts'
import type { FieldIssue, Kind } from '../../resources/kinds.ts'
import { refText } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'

/** Different faults want different things done; more than that nobody reads. */
const MAX_NEXT_STEPS = 3

export interface Fault {
  readonly code: ErrorCode
  readonly source: string
  /** `shop/web.yaml:14:9: spec.template.resources.memroy: unknown field` */
  readonly headline: string
  /** The headline with the lines around it and a suggestion, ready to print. */
  readonly text: string
  readonly value?: unknown
  readonly next?: string
}

/** A fault of a field, as the kind's validation found it. */
export function issueFault(manifest: Manifest, kind: Kind, issue: FieldIssue): Fault {
  const { path, message, value, suggestion } = issue
  return {
    code: 'Invalid',
    source: manifest.source,
    ...point(manifest, {
      path,
      onKey: message.startsWith('unknown'),
      message: path.length === 0 ? message : `${formatPath(path)}: ${message}`,
      hint: suggestion === undefined ? undefined : `did you mean ${JSON.stringify(suggestion)}?`,
    }),
    value,
    next: `See: nsctl explain ${explainPath(kind, path)}`,
  }
}

export interface FaultDetails {
  /** Where in the document; its name where left out. */
  readonly path?: Path
  readonly onKey?: boolean
  readonly hint?: string
  readonly value?: unknown
  readonly next?: string
}

/** Any other fault of a document: the message names the object or the value itself. */
export function fault(
  manifest: Manifest,
  code: ErrorCode,
  message: string,
  details: FaultDetails = {},
): Fault {
  const { path = ['metadata', 'name'], onKey = false, hint, value, next } = details
  return {
    code,
    source: manifest.source,
    ...point(manifest, { path, onKey, message, hint }),
    ...(value === undefined ? {} : { value }),
    ...(next === undefined ? {} : { next }),
  }
}

/** `shop/web.yaml:14`, or the source and the object where the line is not known. */
export function placeText(manifest: Manifest): string {
  const line = manifest.locate?.(['metadata', 'name'], false)?.line
  const { kind, metadata } = manifest.object
  return line === undefined
    ? `${manifest.source} (${refText({ kind, name: metadata.name })})`
    : `${manifest.source}:${line}`
}

interface Point {
  readonly path: Path
  readonly onKey: boolean
  readonly message: string
  readonly hint: string | undefined
}

function point(manifest: Manifest, { path, onKey, message, hint }: Point): Pick<Fault, 'headline' | 'text'> {
  const location = manifest.locate?.(path, onKey)
  if (location === undefined) {
    const headline = `${manifest.source}: ${message}`
    return { headline, text: hint === undefined ? headline : `${headline}; ${hint}` }
  }
  const headline = `${manifest.source}:${location.line}:${location.column}: ${message}`
  const excerpt = hint === undefined ? location.excerpt : `${location.excerpt} ${hint}`
  return { headline, text: `${headline}\n${excerpt}` }
}

/** `service.spec.template.resources`: where the field's neighbours are explained. */
function explainPath(kind: Kind, path: Path): string {
  const names = path.slice(0, -1).filter((step) => typeof step === 'string')
  return names[0] === 'metadata' ? kind.singular : [kind.singular, ...names].join('.')
}

/**
 * The error of faults (at least one). All of them are in `issues`; `outcome` says what they prevented:
 * `nothing was applied`.
 */
export function faultsError(faults: readonly Fault[], outcome: string): NsctlError {
  const [first] = faults as readonly [Fault, ...Fault[]]
  const sources = [...new Set(faults.map((one) => one.source))]
  const sameCode = faults.every((one) => one.code === first.code)
  const nexts = new Set(faults.map((one) => one.next).filter((next) => next !== undefined))
  return new NsctlError(
    sameCode ? first.code : 'Invalid',
    faults.length === 1 ? first.headline : `${faults.length} faults in ${sources.join(', ')}`,
    {
      issues: faults.map((one) => one.text),
      next: [outcome, ...[...nexts].slice(0, MAX_NEXT_STEPS)].filter((part) => part !== '').join('. '),
      ...(first.value === undefined ? {} : { value: first.value }),
    },
  )
}

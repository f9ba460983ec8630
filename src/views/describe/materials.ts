/** What Services take of Configs and Secrets, from both sides. Names and versions; never a value. */
import { configVariable, credentialName } from '../../resources/material-names.ts'
import type { AnyResource } from '../../resources/object.ts'
import { flagAt, mapAt, mapsAt, textAt } from '../fields.ts'
import { compareText } from '../sort.ts'
import { ageText, renderRows } from '../table.ts'
import { printable } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf } from './layout.ts'

type MaterialKind = 'Config' | 'Secret'

interface Source {
  readonly kind: MaterialKind
  readonly name: string
}

/** `secret/db key password`, or undefined for a variable that has its value in itself. */
export function originOfVariable(variable: Record<string, unknown>): string | undefined {
  for (const kind of ['config', 'secret'] as const) {
    const ref = mapAt(variable, `valueFrom.${kind}KeyRef`)
    if (ref !== undefined)
      return `${kind}/${textAt(ref, 'name') ?? '?'} key ${textAt(ref, 'key') ?? '?'}${optionalText(ref)}`
  }
  return undefined
}

/** `all of config/app as APP_…` for each item of envFrom. */
export function listsOfVariables(owner: unknown): readonly string[] {
  return mapsAt(owner, 'envFrom').map((one) => {
    const prefix = textAt(one, 'prefix')
    const ref = mapAt(one, 'configRef') ?? mapAt(one, 'secretRef') ?? {}
    const as = prefix === undefined ? '' : ` as ${prefix}…`
    return printable(`all of ${refText(sourceOfList(one))}${as}${optionalText(ref)}`)
  })
}

/** `secret/db → $CREDENTIALS_DIRECTORY/db.*, /run/db   on change restart` for each of configs and secrets. */
export function fileLines(template: unknown): readonly string[] {
  const lines = (kind: MaterialKind) =>
    mapsAt(template, kind === 'Config' ? 'configs' : 'secrets').map((ref) => {
      const name = textAt(ref, 'name') ?? '?'
      const where = [directoryOf(kind, name, ref), textAt(ref, 'path')].filter((one) => one !== undefined)
      return `${refText({ kind, name })} → ${where.join(', ')}   on change ${textAt(ref, 'onChange') ?? 'restart'}${optionalText(ref)}`
    })
  return [...lines('Config'), ...lines('Secret')].map(printable)
}

function optionalText(ref: Record<string, unknown>): string {
  return flagAt(ref, 'optional') === true ? ', optional' : ''
}

function directoryOf(kind: MaterialKind, name: string, ref: Record<string, unknown>): string {
  if (kind === 'Config') return `$${configVariable(name)}`
  const items = mapsAt(ref, 'items').map(
    (item) => textAt(item, 'as') ?? credentialName(name, textAt(item, 'key') ?? '?'),
  )
  return items.length === 0
    ? `$CREDENTIALS_DIRECTORY/${name}.*`
    : items.map((item) => `$CREDENTIALS_DIRECTORY/${item}`).join(', ')
}

function refText({ kind, name }: Source): string {
  return `${kind.toLowerCase()}/${name}`
}

function sourceOfList(item: Record<string, unknown>): Source {
  const config = textAt(item, 'configRef.name')
  return config === undefined
    ? { kind: 'Secret', name: textAt(item, 'secretRef.name') ?? '?' }
    : { kind: 'Config', name: config }
}

/** The Services that take it, and how. */
export function usedByBlock({ kind, object, services }: Description): Block {
  const source = { kind: kind.kind as MaterialKind, name: object.metadata.name }
  const rows = services
    .map((service) => [`service/${service.metadata.name}`, usesIn(service, source).join(', ')] as const)
    .filter(([, uses]) => uses !== '')
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, uses]) => [printable(name), printable(uses)])
  return ['Used by', rows.length === 0 ? ['nothing'] : linesOf(renderRows(rows))]
}

function usesIn(service: AnyResource, source: Source): readonly string[] {
  const template = mapAt(service, 'spec.template')
  const owners = [template, ...mapsAt(template, 'programs')]
  const uses: string[] = []
  for (const owner of owners) {
    for (const variable of mapsAt(owner, 'env'))
      if (textAt(variable, `valueFrom.${source.kind.toLowerCase()}KeyRef.name`) === source.name)
        uses.push(`$${textAt(variable, 'name') ?? '?'}`)
    for (const item of mapsAt(owner, 'envFrom'))
      if (refText(sourceOfList(item)) === refText(source))
        uses.push(`all keys as variables${prefixText(textAt(item, 'prefix'))}`)
  }
  for (const ref of mapsAt(template, source.kind === 'Config' ? 'configs' : 'secrets'))
    if (textAt(ref, 'name') === source.name)
      uses.push(`files (on change ${textAt(ref, 'onChange') ?? 'restart'})`)
  return [...new Set(uses)]
}

function prefixText(prefix: string | undefined): string {
  return prefix === undefined ? '' : ` ${prefix}…`
}

/** The nodes that have a copy, and of which version. */
export function copiesBlock({ kind, object, deliveries, nowMs }: Description): Block {
  const current = textAt(object, 'status.version')
  const rows = deliveries
    .filter(
      (one) =>
        textAt(one, 'spec.source.kind') === kind.kind &&
        textAt(one, 'spec.source.name') === object.metadata.name,
    )
    .sort((a, b) => compareText(textAt(a, 'spec.node') ?? '', textAt(b, 'spec.node') ?? ''))
    .map((one) => {
      const version = textAt(one, 'spec.version') ?? '?'
      const isOld = current !== undefined && version !== current
      return [
        textAt(one, 'spec.node') ?? '?',
        `${version}${isOld ? ' (not the newest)' : ''}`,
        (textAt(one, 'status.phase') ?? 'pending').toLowerCase(),
        ageText(one.metadata.creationTimestamp, nowMs),
        printable(textAt(one, 'status.message') ?? ''),
      ]
    })
  if (rows.length === 0) return ['Nodes', ['none has a copy']]
  return ['Nodes', linesOf(renderRows([['NAME', 'VERSION', 'STATE', 'SINCE', ''], ...rows]))]
}

/** What an Instance runs with: `secret/db   x7f2k9q1mm`, and what it is to have next. */
export function materialsBlock(instance: AnyResource): Block {
  const key = (one: Record<string, unknown>) =>
    `${(textAt(one, 'kind') ?? '?').toLowerCase()}/${textAt(one, 'name') ?? '?'}`
  const has = new Map(mapsAt(instance, 'status.materials').map((one) => [key(one), textAt(one, 'version')]))
  const rows = mapsAt(instance, 'spec.materials').map((one) => {
    const [name, wanted] = [key(one), textAt(one, 'version') ?? '?']
    const now = has.get(name)
    const state = now === wanted ? '' : now === undefined ? 'not there yet' : `still has ${now}`
    return [printable(name), wanted, state]
  })
  return ['Runs with', linesOf(renderRows(rows))]
}

/** describe for kinds without a page of their own: Namespace, Volume, CustomResourceDefinition and users' kinds. */
import type { Kind } from '../../resources/kinds.ts'
import type { AnyResource } from '../../resources/object.ts'
import { qualifiedName } from '../names.ts'
import { padEnd } from '../width.ts'
import type { Description } from './description.ts'
import { type Block, linesOf, renderBlocks } from './layout.ts'
import { conditionsBlock, eventsBlock, labelBlocks, lifeBlocks, originText } from './parts.ts'

/** The page of any kind; spec and status as YAML, which `toYaml` writes. */
export function describeGeneric(description: Description, toYaml: (value: object) => string): string {
  const { kind, object } = description
  return renderBlocks([
    [kind.kind, [`${padEnd(qualifiedName(object), 28)}   ${originText(description)}`]],
    ...labelBlocks(object),
    ...lifeBlocks(description),
    ...memberBlocks(kind, object, toYaml),
    conditionsBlock(description),
    eventsBlock(description),
  ])
}

/** Every member but those that have a block of their own. */
function memberBlocks(kind: Kind, object: AnyResource, toYaml: (value: object) => string): readonly Block[] {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...members } = object
  return Object.entries(members).flatMap(([name, value]): Block[] => {
    if (value === undefined || value === null) return []
    if (typeof value !== 'object') return [[heading(name), [String(value)]]]
    const { conditions: _conditions, ...rest } = value as Record<string, unknown>
    const shown = name === 'status' && kind.hasStatus && !Array.isArray(value) ? rest : value
    return Object.keys(shown).length === 0 ? [] : [[heading(name), linesOf(toYaml(shown))]]
  })
}

function heading(name: string): string {
  return `${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`
}

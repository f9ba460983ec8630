/** How views name an object. */
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'

/** `service/web`; `crontab.example.org/nightly` for kinds of others' groups. What -o name prints and commands take back. */
export function objectName(kind: Kind, object: AnyResource): string {
  return `${typeName(kind)}/${object.metadata.name}`
}

/** `service`, `crontab.example.org`. */
export function typeName(kind: Kind): string {
  return kind.group === GROUP ? kind.singular : `${kind.singular}.${kind.group}`
}

/** `shop/web`, or `alpha` for what is in no namespace. */
export function qualifiedName(object: AnyResource): string {
  const { namespace, name } = object.metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}

/**
 * Reads a config as nsctl writes it, in microseconds and without the YAML library: a context must not make `nsctl get`
 * slower. Whatever else a file may hold is left to the library, right or wrong.
 */
import { CONTEXT_FIELDS, type Config, type NamedContext, type StoreContext } from './config.ts'

const HEAD =
  /^apiVersion: nsctl\.dev\/v1alpha1\nkind: Config\n(?:current-context: (.+)\n)?contexts:( \[\])?\n/
const ITEM = /^- name: (.+)\n {2}context:\n((?: {4}[A-Za-z-]+: .+\n)+)/
const FIELD = / {4}([A-Za-z-]+): (.+)\n/g
/** Text to every reader of YAML. */
const PLAIN = /^[A-Za-z/](?:[A-Za-z0-9_./@?=&,%+~-]|:(?=\S))*$/
const NOT_TEXT = /^(?:true|false|null)$/i
/** The same in YAML and JSON. */
const QUOTED = /^"(?:[ !#-[\]-~]|\\["\\])*"$/

/** Undefined for what is not exactly of that shape. */
export function quickConfig(text: string): Config | undefined {
  const head = HEAD.exec(text)
  if (head === null) return undefined
  const contexts: NamedContext[] = []
  let rest = text.slice(head[0].length)
  while (rest !== '') {
    const [item, rawName, fields] = ITEM.exec(rest) ?? []
    if (item === undefined || rawName === undefined || fields === undefined) return undefined
    const name = scalarOf(rawName)
    const context = contextOf(fields)
    if (!name || context === undefined || contexts.some((one) => one.name === name)) return undefined
    contexts.push({ name, context })
    rest = rest.slice(item.length)
  }
  if ((head[2] !== undefined) !== (contexts.length === 0)) return undefined
  if (head[1] === undefined) return { contexts }
  const currentContext = scalarOf(head[1])
  return currentContext ? { currentContext, contexts } : undefined
}

function contextOf(text: string): StoreContext | undefined {
  const context: Record<string, string> = {}
  for (const [, field = '', raw = ''] of text.matchAll(FIELD)) {
    const value = scalarOf(raw)
    const isKnown = (CONTEXT_FIELDS as readonly string[]).includes(field)
    if (!value || !isKnown || context[field] !== undefined) return undefined
    context[field] = value
  }
  return context.store === undefined ? undefined : (context as unknown as StoreContext)
}

function scalarOf(raw: string): string | undefined {
  if (QUOTED.test(raw)) return JSON.parse(raw) as string
  return PLAIN.test(raw) && !NOT_TEXT.test(raw) ? raw : undefined
}

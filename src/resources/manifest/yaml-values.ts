/**
 * From YAML nodes to plain values: in one pass with what the library's own conversion does not do, or does slowly.
 * Duplicate keys are found by a map, aliases are counted before they are expanded, depth is bounded, and nothing comes out
 * that JSON cannot hold.
 */
import type { Alias, Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { clone, isObject } from '../../core/json.ts'
import { DocumentFault, FORBIDDEN_KEY, MAX_DEPTH, type TextRange } from './fault.ts'
import { lineAt } from './json-walker.ts'

/** Values that aliases may add to a document. An alias bomb has millions, a manifest that saves typing has hundreds. */
const MAX_ALIASED_VALUES = 20_000

/** The part of the library that tells nodes apart; handed in, because it is loaded lazily. */
export interface NodeKinds {
  isMap(node: unknown): node is YAMLMap
  isSeq(node: unknown): node is YAMLSeq
  isScalar(node: unknown): node is Scalar
  isAlias(node: unknown): node is Alias
}

interface Anchored {
  readonly value: unknown
  /** Values in it, itself included. */
  readonly size: number
}

export class YamlValues {
  readonly #kinds: NodeKinds
  readonly #text: string
  readonly #anchors = new Map<string, Anchored | 'open'>()
  /** Values made so far. */
  #size = 0
  #aliased = 0

  constructor(kinds: NodeKinds, text: string) {
    this.#kinds = kinds
    this.#text = text
  }

  /** Throws a DocumentFault. */
  convert(node: unknown, depth = 0): unknown {
    if (node === null || node === undefined) return null
    if (depth > MAX_DEPTH)
      throw new DocumentFault(`nested more than ${MAX_DEPTH} levels deep`, {
        start: rangeOfNode(node)?.start ?? 0,
      })
    if (this.#kinds.isAlias(node)) return this.#alias(node)
    const { anchor } = node as Node & { anchor?: string }
    if (anchor !== undefined) this.#anchors.set(anchor, 'open')
    const before = this.#size++
    const value = this.#plain(node, depth)
    if (anchor !== undefined) this.#anchors.set(anchor, { value, size: this.#size - before })
    return value
  }

  #plain(node: unknown, depth: number): unknown {
    if (this.#kinds.isScalar(node)) return this.#scalar(node)
    if (this.#kinds.isSeq(node)) return node.items.map((item) => this.convert(item, depth + 1))
    if (this.#kinds.isMap(node)) return this.#map(node, depth)
    throw new DocumentFault('not YAML that nsctl understands', rangeOfNode(node) ?? { start: 0 })
  }

  #map(node: YAMLMap, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const merged: Pair[] = []
    const seen = new Set<string>()
    for (const pair of node.items) {
      const key = this.#key(pair)
      if (key === '<<' && isMergeKey(pair.key)) merged.push(pair)
      else {
        if (seen.has(key)) throw this.#duplicate(node, pair, key)
        seen.add(key)
        result[key] = this.convert(pair.value, depth + 1)
      }
    }
    // what is said here wins over what is merged in, and an earlier merge over a later one
    for (const pair of merged) this.#merge(result, pair, depth)
    return result
  }

  #key(pair: Pair): string {
    if (!this.#kinds.isScalar(pair.key) || pair.key.value === null)
      throw new DocumentFault(
        'a key must be text',
        rangeOfNode(pair.key) ?? rangeOfNode(pair.value) ?? { start: 0 },
      )
    const key = keyOf(pair.key)
    if (key === FORBIDDEN_KEY)
      throw new DocumentFault(`the key ${FORBIDDEN_KEY} is not allowed`, rangeOfNode(pair.key)!)
    return key
  }

  #merge(target: Record<string, unknown>, pair: Pair, depth: number): void {
    const value = this.convert(pair.value, depth + 1)
    for (const source of Array.isArray(value) ? value : [value]) {
      if (!isObject(source))
        throw new DocumentFault(
          '<< merges objects, and this is none',
          rangeOfNode(pair.value) ?? rangeOfNode(pair.key)!,
        )
      for (const [key, member] of Object.entries(source))
        if (!Object.hasOwn(target, key)) target[key] = member
    }
  }

  #alias(node: Alias): unknown {
    const range = rangeOfNode(node) ?? { start: 0 }
    const anchored = this.#anchors.get(node.source)
    if (anchored === undefined)
      throw new DocumentFault(`there is no anchor &${node.source} before this`, range)
    if (anchored === 'open') throw new DocumentFault(`*${node.source} stands inside of itself`, range)
    this.#size += anchored.size
    this.#aliased += anchored.size
    if (this.#aliased > MAX_ALIASED_VALUES)
      throw new DocumentFault(
        `aliases expand to more than ${MAX_ALIASED_VALUES} values (an alias bomb?)`,
        range,
      )
    // a copy: defaults are filled in in place
    return clone(anchored.value)
  }

  #scalar(node: Scalar): unknown {
    const { value } = node
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
    if (typeof value === 'number') {
      const source = node.source ?? ''
      if (!Number.isFinite(value))
        throw new DocumentFault(
          `${source} is no number that JSON has`,
          rangeOfNode(node)!,
          'quote it if it is text',
        )
      if (/^[-+]?\d+$/.test(source) && !Number.isSafeInteger(value) && String(value) !== source)
        throw new DocumentFault(
          `${source} has too many digits for a number`,
          rangeOfNode(node)!,
          'quote it if it is text',
        )
      return Object.is(value, -0) ? 0 : value
    }
    // !!binary is resolved by the library
    throw new DocumentFault('tags are not supported', rangeOfNode(node) ?? { start: 0 }, 'leave the tag out')
  }

  #duplicate(node: YAMLMap, pair: Pair, key: string): DocumentFault {
    const first = node.items.find((other) => this.#kinds.isScalar(other.key) && keyOf(other.key) === key)
    const line = lineAt(this.#text, rangeOfNode(first?.key)?.start ?? 0)
    return new DocumentFault(
      `duplicate key ${JSON.stringify(key)}`,
      rangeOfNode(pair.key)!,
      `first in line ${line}`,
    )
  }
}

/** A key as it is written: `8080:` and `true:` are text here. */
export function keyOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

/** `<<` merges, `"<<"` is a key like any other. */
export function isMergeKey(key: unknown): boolean {
  return isObject(key) && key.value === '<<' && key.type === 'PLAIN'
}

/** The offsets of a node's own text. */
export function rangeOfNode(node: unknown): TextRange | undefined {
  const range = isObject(node) ? (node as { range?: readonly number[] | null }).range : undefined
  if (!range) return undefined
  return { start: range[0]!, end: Math.max(range[1]!, range[0]! + 1) }
}

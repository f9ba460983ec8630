/** Nodes as verbs that are about nodes alone take them: `n1`, `node/n1`, `node n1 n2`, or by their labels. */
import type { Client } from '../client/client.ts'
import type { CommandContext } from './context.ts'
import { type Selected, select } from './selection.ts'

const TYPES: ReadonlySet<string> = new Set(['node', 'nodes', 'no'])

export interface NodeWords {
  readonly words: readonly string[]
  readonly verb: string
  readonly selector: string | undefined
  readonly context: CommandContext
}

/** @throws NsctlError Usage where none is named, or names stand beside a selector */
export async function selectNodes(
  client: Client,
  { words, verb, selector, context }: NodeWords,
): Promise<readonly Selected[]> {
  const [first] = words
  const isTyped = first !== undefined && (TYPES.has(first) || first.includes('/'))
  const typed = isTyped ? words : ['node', ...words]
  return await select(client, { words: typed, verb, selector, context, namespace: '' })
}

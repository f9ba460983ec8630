/** What an expression comes to, told without values; and what can never come to anything. */
import type { ResultType } from './expression.ts'
import { faultAt } from './fault.ts'
import { BUILTINS } from './functions.ts'
import type { BinaryOperator, Node } from './node.ts'

type Variables = ReadonlyMap<string, ResultType>

const TEXTUAL: ReadonlySet<BinaryOperator> = new Set(['contains', 'startsWith', 'endsWith'])

/** The type of `tree`. Throws Invalid where an operator meets what it never takes: `!cpu > 80`, `"a" * 2`. */
export function typeOf(text: string, tree: Node): ResultType {
  return nodeType(text, tree, new Map(), new Map())
}

/** Looks at each node once: the middle of `a < b < c` stands in the tree twice, and such can be nested. */
function nodeType(text: string, node: Node, variables: Variables, seen: Map<Node, ResultType>): ResultType {
  const type = seen.get(node) ?? freshType(text, node, variables, seen)
  seen.set(node, type)
  return type
}

function freshType(text: string, node: Node, variables: Variables, seen: Map<Node, ResultType>): ResultType {
  const of = (inner: Node) => nodeType(text, inner, variables, seen)
  const need = (inner: Node, wanted: ResultType, by: string) =>
    mustBe(text, { node: inner, type: of(inner) }, wanted, by)
  switch (node.kind) {
    case 'literal':
      return node.value === null ? 'nil' : (typeof node.value as ResultType)
    case 'name':
      return 'any'
    case 'element':
      return node.which === 'index' ? 'number' : 'any'
    case 'variable':
      return variables.get(node.name) ?? 'any'
    case 'list':
      for (const item of node.items) of(item)
      return 'list'
    case 'unary':
      need(node.operand, node.operator === '!' ? 'boolean' : 'number', node.operator)
      return node.operator === '!' ? 'boolean' : 'number'
    case 'binary':
      return binaryType(text, node, of(node.left), of(node.right))
    case 'ternary': {
      need(node.condition, 'boolean', '?')
      const [yes, no] = [of(node.yes), of(node.no)]
      return yes === no ? yes : 'any'
    }
    case 'index':
      need(node.object, 'list', '[]')
      need(node.index, 'number', '[]')
      return 'any'
    case 'slice':
      need(node.object, 'list', '[:]')
      for (const bound of [node.from, node.to]) if (bound !== undefined) need(bound, 'number', '[:]')
      return 'list'
    case 'call':
      for (const parameter of node.parameters) of(parameter)
      if (node.predicate !== undefined) of(node.predicate)
      return BUILTINS.get(node.name)!.result
    case 'let':
      return nodeType(text, node.body, new Map([...variables, [node.name, of(node.value)]]), seen)
  }
}

interface Typed {
  readonly node: Node
  readonly type: ResultType
}

function mustBe(text: string, { node, type }: Typed, wanted: ResultType, by: string): void {
  if (type === wanted || type === 'any') return
  throw faultAt(text, node.at, `${by} needs ${SPOKEN[wanted]}, not ${SPOKEN[type]},`, hintOf(node, type))
}

function binaryType(
  text: string,
  node: Extract<Node, { kind: 'binary' }>,
  left: ResultType,
  right: ResultType,
): ResultType {
  const { operator } = node
  const both = (wanted: ResultType) => {
    mustBe(text, { node: node.left, type: left }, wanted, operator)
    mustBe(text, { node: node.right, type: right }, wanted, operator)
  }
  switch (operator) {
    case '??':
      return left === 'nil' ? right : left
    case '==':
    case '!=':
      if (left !== right && ![left, right].some((type) => type === 'any' || type === 'nil'))
        throw faultAt(text, node.at, `${SPOKEN[left]} is never equal to ${SPOKEN[right]}`)
      return 'boolean'
    case '&&':
    case '||':
      both('boolean')
      return 'boolean'
    case 'in':
      mustBe(text, { node: node.right, type: right }, 'list', operator)
      return 'boolean'
    case '..':
      both('number')
      return 'list'
  }
  if (TEXTUAL.has(operator)) {
    both('string')
    return 'boolean'
  }
  const isOrdering = operator.startsWith('<') || operator.startsWith('>')
  const isText = (isOrdering || operator === '+') && (left === 'string' || right === 'string')
  both(isText ? 'string' : 'number')
  if (isOrdering) return 'boolean'
  if (isText) return 'string'
  return operator === '+' && left === 'any' && right === 'any' ? 'any' : 'number'
}

const SPOKEN: Readonly<Record<ResultType, string>> = {
  number: 'a number',
  boolean: 'true or false',
  string: 'text',
  list: 'a list',
  nil: 'nil',
  any: 'a value',
}

function hintOf(node: Node, found: ResultType): string | undefined {
  if (node.kind === 'unary' && node.operator === '!')
    return '! binds more tightly than a comparison: write !(a > b)'
  if (node.kind === 'list' || found !== 'list') return undefined
  return 'a list becomes a number by count, sum, max, min, mean or len'
}

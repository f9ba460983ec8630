/** Arbitrary trees of expressions, and their text. */
import fc from 'fast-check'
import { BINARY, type BinaryOperator, type Node } from '../../../src/resources/expression/node.ts'

const ELEMENTS = { element: '#', accumulator: '#acc', index: '#index' } as const

/** Text that parses to the same tree: with brackets around whatever has parts. */
export function printTree(node: Node): string {
  const optional = (bound: Node | undefined) => (bound === undefined ? '' : printTree(bound))
  switch (node.kind) {
    case 'literal':
      return node.value === null ? 'nil' : JSON.stringify(node.value)
    case 'name':
      return node.optional ? node.name.replace('.', '?.') : node.name
    case 'variable':
      return node.name
    case 'element':
      return ELEMENTS[node.which]
    case 'list':
      return `[${node.items.map(printTree).join(', ')}]`
    case 'unary':
      return `(${node.operator}${printTree(node.operand)})`
    case 'binary':
      return `(${printTree(node.left)} ${node.operator} ${printTree(node.right)})`
    case 'ternary':
      return `(${printTree(node.condition)} ? ${printTree(node.yes)} : ${printTree(node.no)})`
    case 'index':
      return `${printTree(node.object)}[${printTree(node.index)}]`
    case 'slice':
      return `${printTree(node.object)}[${optional(node.from)}:${optional(node.to)}]`
    case 'call': {
      const [first, ...rest] = node.parameters.map(printTree)
      const predicate = node.predicate === undefined ? [] : [`{${printTree(node.predicate)}}`]
      return `${node.name}(${[...(first === undefined ? [] : [first]), ...predicate, ...rest].join(', ')})`
    }
    case 'let':
      return `(let ${node.name} = ${printTree(node.value)}; ${printTree(node.body)})`
  }
}

/** The same without places, which printing changes. */
export function withoutPlaces(node: Node): unknown {
  return JSON.parse(JSON.stringify(node, (key, value) => (key === 'at' ? undefined : value)))
}

const at = 0
const VARIABLE: Node = { kind: 'variable', at, name: 'x' }
const literal = fc.oneof(
  fc.nat(1000).map((value): Node => ({ kind: 'literal', at, value })),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, min: 0 })
    .map((value): Node => ({ kind: 'literal', at, value: Object.is(value, -0) ? 0 : value })),
  fc.boolean().map((value): Node => ({ kind: 'literal', at, value })),
  fc
    .string({ maxLength: 6, unit: fc.constantFrom('a', 'Z', '7', ' ', '"', "'", '\\', '\n', 'ß', '#') })
    .map((value): Node => ({ kind: 'literal', at, value })),
  fc.constant<Node>({ kind: 'literal', at, value: null }),
)
const name = fc
  .constantFrom('cpu', 'queue.lag', 'nothing', 'a.b.c')
  .chain((text) =>
    fc
      .boolean()
      .map((optional): Node => ({ kind: 'name', at, name: text, optional: optional && text.includes('.') })),
  )

/** Any tree at all, most of which mean nothing. */
export const anyTree: fc.Arbitrary<Node> = fc.letrec<{ node: Node; inner: Node }>((tie) => {
  const part = tie('node')
  return {
    inner: part,
    node: fc.oneof(
      { maxDepth: 5, depthSize: 'small', withCrossShrink: true },
      literal,
      name,
      fc.array(part, { maxLength: 3 }).map((items): Node => ({ kind: 'list', at, items })),
      fc.tuple(fc.constantFrom('-', '+', '!'), part).map(([operator, operand]): Node => {
        return { kind: 'unary', at, operator: operator as '-' | '+' | '!', operand }
      }),
      fc.tuple(fc.constantFrom(...Object.keys(BINARY)), part, part).map(([operator, left, right]): Node => {
        return { kind: 'binary', at, operator: operator as BinaryOperator, left, right }
      }),
      fc
        .tuple(part, part, part)
        .map(([condition, yes, no]): Node => ({ kind: 'ternary', at, condition, yes, no })),
      fc.tuple(fc.array(part, { maxLength: 2 }), fc.nat(3)).map(([items, value]): Node => {
        return {
          kind: 'index',
          at,
          object: { kind: 'list', at, items },
          index: { kind: 'literal', at, value },
        }
      }),
      fc
        .tuple(fc.array(part, { maxLength: 2 }), fc.option(part, { nil: undefined }))
        .map(([items, to]): Node => {
          return { kind: 'slice', at, object: { kind: 'list', at, items }, from: undefined, to }
        }),
      fc.tuple(fc.constantFrom('max', 'mean', 'sum', 'abs', 'len'), part).map(
        ([call, value]): Node => ({
          kind: 'call',
          at,
          name: call,
          parameters: [value],
          predicate: undefined,
        }),
      ),
      fc
        .tuple(fc.constantFrom('count', 'filter', 'any', 'map'), part, part)
        .map(([call, list, more]): Node => {
          const predicate: Node = {
            kind: 'binary',
            at,
            operator: '>',
            left: { kind: 'element', at, which: 'element' },
            right: more,
          }
          return { kind: 'call', at, name: call, parameters: [list], predicate }
        }),
      fc.tuple(part, part).map(
        ([value, body]): Node => ({
          kind: 'let',
          at,
          name: 'x',
          value,
          body: { kind: 'list', at, items: [VARIABLE, body, VARIABLE] },
        }),
      ),
    ),
  }
}).node

/** Walks the tree of an expression with values. Every step is counted, so that no formula keeps a poll waiting. */

import type { WallTime } from '../timezone.ts'
import type { ExpressionValue, Scope } from './expression.ts'
import { faultAt } from './fault.ts'
import { BUILTINS, type Call, describeValue, isList } from './functions.ts'
import type { Node } from './node.ts'
import { applyBinary } from './operators.ts'

/** Nodes visited and elements made at most in one evaluation: some milliseconds. */
const MOST_STEPS = 100_000

/** What a predicate is about. */
interface Element {
  readonly element: ExpressionValue
  readonly index: number
  readonly accumulator: ExpressionValue | undefined
}

type Variables = ReadonlyMap<string, ExpressionValue>

const NO_VARIABLES: Variables = new Map()

export class Evaluation {
  readonly #text: string
  readonly #scope: Scope
  readonly #time: () => WallTime
  #steps = 0

  constructor(text: string, scope: Scope, time: () => WallTime) {
    this.#text = text
    this.#scope = scope
    this.#time = time
  }

  /** The value of `node`. Throws Invalid where there is none. */
  run(node: Node): ExpressionValue {
    return this.#value(node, undefined, NO_VARIABLES)
  }

  #value(node: Node, element: Element | undefined, variables: Variables): ExpressionValue {
    this.#spend(1, node)
    switch (node.kind) {
      case 'literal':
        return node.value
      case 'name':
        return this.#named(node)
      case 'variable':
        return variables.get(node.name)!
      case 'element':
        return this.#element(node, element)
      case 'list':
        return node.items.map((item) => this.#value(item, element, variables))
      case 'unary':
        if (node.operator === '!') return !this.#truth(node.operand, element, variables)
        return (node.operator === '-' ? -1 : 1) * this.#number(node.operand, element, variables)
      case 'binary':
        return this.#binary(node, element, variables)
      case 'ternary':
        return this.#truth(node.condition, element, variables)
          ? this.#value(node.yes, element, variables)
          : this.#value(node.no, element, variables)
      case 'index':
      case 'slice':
        return this.#part(node, element, variables)
      case 'call':
        return this.#call(node, element, variables)
      case 'let': {
        const bound = new Map(variables).set(node.name, this.#value(node.value, element, variables))
        return this.#value(node.body, element, bound)
      }
    }
  }

  #named(node: Extract<Node, { kind: 'name' }>): ExpressionValue {
    const value = this.#scope.value(node.name)
    if (value === undefined) {
      if (node.optional) return null
      throw this.#fault(node, `no value is named "${node.name}"`)
    }
    if (typeof value === 'number' && !Number.isFinite(value))
      throw this.#fault(node, `${node.name} is ${value}, no number that counts,`)
    return value
  }

  #element(node: Extract<Node, { kind: 'element' }>, element: Element | undefined): ExpressionValue {
    const value = element?.[node.which]
    if (value === undefined) throw this.#fault(node, '#acc stands for nothing outside of reduce')
    return value
  }

  #binary(
    node: Extract<Node, { kind: 'binary' }>,
    element: Element | undefined,
    variables: Variables,
  ): ExpressionValue {
    switch (node.operator) {
      case '&&':
        return this.#truth(node.left, element, variables) && this.#truth(node.right, element, variables)
      case '||':
        return this.#truth(node.left, element, variables) || this.#truth(node.right, element, variables)
      case '??':
        return this.#value(node.left, element, variables) ?? this.#value(node.right, element, variables)
    }
    const left = this.#value(node.left, element, variables)
    const right = this.#value(node.right, element, variables)
    return applyBinary(node.operator, left, right, {
      fail: (what, side) => {
        const at = side === 'left' ? node.left : side === 'right' ? node.right : node
        throw this.#fault(at, what, nilHint(at, side === 'left' ? left : right))
      },
      spend: (steps) => this.#spend(steps, node),
    })
  }

  #part(
    node: Extract<Node, { kind: 'index' | 'slice' }>,
    element: Element | undefined,
    variables: Variables,
  ): ExpressionValue {
    const list = this.#value(node.object, element, variables)
    if (!isList(list)) throw this.#fault(node, `${describeValue(list)} has no elements`)
    if (node.kind === 'index') {
      const found = list.at(this.#whole(node.index, element, variables))
      if (found !== undefined) return found
      throw this.#fault(node, `the list has ${list.length} elements and no such one`)
    }
    this.#spend(list.length, node)
    const from = node.from === undefined ? 0 : this.#whole(node.from, element, variables)
    const to = node.to === undefined ? list.length : this.#whole(node.to, element, variables)
    return list.slice(from, to)
  }

  #call(
    node: Extract<Node, { kind: 'call' }>,
    element: Element | undefined,
    variables: Variables,
  ): ExpressionValue {
    const values = node.parameters.map((parameter) => this.#value(parameter, element, variables))
    const { predicate } = node
    const call: Call = {
      fail: (what) => {
        throw this.#fault(node, `${node.name}(): ${what}`)
      },
      spend: (steps) => this.#spend(steps, node),
      test: (item, index, accumulator) => {
        this.#spend(1, node)
        return predicate === undefined
          ? item
          : this.#value(predicate, { element: item, index, accumulator }, variables)
      },
      time: this.#time,
    }
    const result = BUILTINS.get(node.name)!.run(values, call)
    if (typeof result === 'number' && !Number.isFinite(result))
      throw this.#fault(node, `${node.name}() comes to ${result}`)
    return result
  }

  #truth(node: Node, element: Element | undefined, variables: Variables): boolean {
    const value = this.#value(node, element, variables)
    if (typeof value === 'boolean') return value
    throw this.#fault(node, `true or false is needed, not ${describeValue(value)},`)
  }

  #number(node: Node, element: Element | undefined, variables: Variables): number {
    const value = this.#value(node, element, variables)
    if (typeof value === 'number') return value
    throw this.#fault(node, `a number is needed, not ${describeValue(value)},`, nilHint(node, value))
  }

  #whole(node: Node, element: Element | undefined, variables: Variables): number {
    const value = this.#number(node, element, variables)
    if (Number.isInteger(value)) return value
    throw this.#fault(node, `a whole number is needed, not ${value},`)
  }

  #spend(steps: number, node: Node): void {
    this.#steps += steps
    if (this.#steps > MOST_STEPS)
      throw this.#fault(
        node,
        `more than ${MOST_STEPS} steps to evaluate`,
        'use shorter ranges, fewer within each other',
      )
  }

  #fault(node: Node, what: string, next?: string): Error {
    return faultAt(this.#text, node.at, what, next)
  }
}

function nilHint(node: Node, value: ExpressionValue): string | undefined {
  return value === null && node.kind === 'name' ? `say what counts instead: (${node.name} ?? 1)` : undefined
}

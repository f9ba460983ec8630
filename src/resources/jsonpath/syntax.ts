/** The tree of a JSONPath template. */

/** A template: text and expressions in braces, `Name: {.metadata.name}{"\n"}`. */
export type Template = readonly TemplatePart[]

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly path: PathExpression }
  /** `{range .items[*]}…{end}`: the parts once for each value of the path. */
  | { readonly kind: 'range'; readonly path: PathExpression; readonly parts: Template }

export interface PathExpression {
  /** `$` starts at the root, everything else at the current value. */
  readonly fromRoot: boolean
  readonly steps: readonly Step[]
}

export type Step =
  | { readonly kind: 'field'; readonly name: string }
  /** `.*` and `[*]` */
  | { readonly kind: 'wildcard' }
  /** `..`: the value and everything beneath it. */
  | { readonly kind: 'descend' }
  /** `[start:end:step]`; negative numbers count from the end. */
  | { readonly kind: 'slice'; readonly start?: number; readonly end?: number; readonly step: number }
  | { readonly kind: 'index'; readonly index: number }
  /** `[0,2]`, `['a','b']` */
  | { readonly kind: 'union'; readonly steps: readonly Step[] }
  /** `[?(@.a==1)]` */
  | { readonly kind: 'filter'; readonly condition: Condition }

export type Condition =
  | { readonly kind: 'exists'; readonly operand: Operand }
  | {
      readonly kind: 'compare'
      readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>='
      readonly left: Operand
      readonly right: Operand
    }
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly Condition[] }

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'path'; readonly path: PathExpression }

/** What a compiled validator says: the part of ajv's error objects that issues.ts reads. */
export interface SchemaError {
  /** JSON pointer of the value at fault. */
  readonly instancePath: string
  readonly keyword: string
  /** Absent on precompiled validators, whose schemas have no alternatives. */
  readonly schemaPath?: string
  readonly params?: Readonly<Record<string, unknown>>
}

/** A validator in ajv's manner: the errors of the last call stand on the function. */
export interface SchemaValidator {
  (value: unknown): boolean
  errors?: readonly SchemaError[] | null
}

/** For generated code: adds a fault to the list, which is made with the first. */
export function fault(
  errors: SchemaError[] | null,
  instancePath: string,
  keyword: string,
  params?: Readonly<Record<string, unknown>>,
): SchemaError[] {
  const error = params === undefined ? { instancePath, keyword } : { instancePath, keyword, params }
  if (errors === null) return [error]
  errors.push(error)
  return errors
}

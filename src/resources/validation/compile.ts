/** Compiles a schema with ajv. Loaded only for kinds of the user and by the generator: ours are precompiled. */
import { Ajv, type Options } from 'ajv'
import type { JsonSchema } from '../schema.ts'
import { objectSchema } from './json-schema.ts'
import type { SchemaValidator } from './schema-errors.ts'

/** Words are ours (issues.ts), so ajv makes none. Patterns are written for RE2, which knows no `u` flag. */
export const AJV_OPTIONS: Options = {
  allErrors: true,
  strict: false,
  messages: false,
  validateFormats: false,
  unicodeRegExp: false,
  logger: false,
}

/** The validator of whole objects of one kind. Throws whatever ajv throws for a schema that is none. */
export function compileValidator(schema: JsonSchema): SchemaValidator {
  return new Ajv(AJV_OPTIONS).compile(objectSchema(schema)) as unknown as SchemaValidator
}

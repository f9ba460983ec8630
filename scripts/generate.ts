/**
 * Generates what follows from crds/*.yaml (types, kinds as data, validators and the reference of kinds), the reference of
 * commands from their classes, and those of triggers and metrics from what defines them.
 *
 *     node scripts/generate.ts [--check]      with --check nothing is written, and stale files are named (exit code 1)
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { generateKinds } from './generate/kinds.ts'
import { loadDefinitions } from './generate/load.ts'
import { generateReference } from './generate/reference.ts'
import { generateTypes } from './generate/types.ts'
import { generateValidators } from './generate/validators.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
process.chdir(`${import.meta.dirname}/..`)

const definitions = loadDefinitions('crds')
const files: Readonly<Record<string, string>> = {
  'src/resources/generated/types.ts': generateTypes(definitions),
  'src/resources/generated/kinds.ts': generateKinds(definitions),
  'src/resources/generated/validators.ts': generateValidators(definitions),
  'docs/reference/kinds.md': generateReference(definitions),
}

let stale = 0

function settle(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  stale++
  if (values.check) {
    console.error(`stale: ${file}`)
    return
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`wrote ${file}`)
}

for (const [file, text] of Object.entries(files)) settle(file, text)
// the commands stand on the files above, so they are loaded once those are right
const { generateCommands } = await import('./generate/commands.ts')
settle('docs/reference/commands.md', await generateCommands())
const { generateTriggers } = await import('./generate/triggers.ts')
settle('docs/reference/triggers.md', generateTriggers())
const { generateMetrics } = await import('./generate/metrics.ts')
settle('docs/reference/metrics.md', generateMetrics())

if (values.check && stale > 0) {
  console.error('run: npm run generate')
  process.exit(1)
}

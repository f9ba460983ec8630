/** Golden files: what the terminal shows, word for word. NSCTL_UPDATE_GOLDEN=1 writes them anew, to be read in the diff. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'

/** Fails unless `text` is what test/views/golden/<name> holds. */
export function matchesGolden(name: string, text: string): void {
  const file = join(import.meta.dirname, 'golden', name)
  if (process.env.NSCTL_UPDATE_GOLDEN === '1') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  assert.fixture(
    text,
    readFileSync(file, 'utf8'),
    `${name} differs; NSCTL_UPDATE_GOLDEN=1 accepts the new text`,
  )
}

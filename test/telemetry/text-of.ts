/** What a scrape says, whole. */
import type { Scrapes } from '../../src/telemetry/scrapes.ts'

export async function textOf(scrapes: Scrapes, names?: readonly string[]): Promise<string> {
  const { pieces } = await scrapes.read(names)
  return await whole(pieces)
}

export async function whole(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

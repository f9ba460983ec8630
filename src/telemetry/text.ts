/**
 * Metrics as text, piece by piece: of ten thousand scalers it has tens of megabytes, which are never in memory at once, and other things are
 * done between one piece and the next.
 */
import type * as prom from 'prom-client'
import type { Family, FamilyLine } from './families.ts'

export type PromClient = Pick<typeof prom, 'Counter' | 'Gauge' | 'Histogram' | 'Registry'>

/** A family with the lines that it has this time. */
export interface ReadFamily {
  readonly family: Family
  readonly lines: Iterable<FamilyLine>
}

/** Lines that are formatted at once: a fraction of a millisecond. */
const LINES = 200
const PIECE_CHARACTERS = 16 * 1024

/** In pieces of about 16 KiB, each made when it is asked for, and in a turn of the event loop of its own. */
export async function* metricsText(client: PromClient, read: readonly ReadFamily[]): AsyncGenerator<string> {
  let piece = ''
  for (const { family, lines } of read)
    for await (const text of familyText(client, family, lines)) {
      piece += text
      if (piece.length < PIECE_CHARACTERS) continue
      yield piece
      piece = ''
      await new Promise((resolve) => setImmediate(resolve))
    }
  if (piece !== '') yield piece
}

/** HELP and TYPE, and then its lines. */
async function* familyText(
  client: PromClient,
  family: Family,
  lines: Iterable<FamilyLine>,
): AsyncGenerator<string> {
  const format = formatter(client, family)
  const head = await format([])
  yield `${head}\n`
  for (const some of chunksOf(lines)) yield `${(await format(some)).slice(head.length + 1)}\n`
}

/** prom-client knows names, types and the text format. Its metrics keep each series that they were told of, so what they are asked for is answered in their place. */
function formatter(
  client: PromClient,
  { name, help, type }: Family,
): (values: readonly FamilyLine[]) => Promise<string> {
  const registry = new client.Registry()
  const made = { gauge: client.Gauge, counter: client.Counter, histogram: client.Histogram }[type]
  const metric = new made({ name, help, registers: [registry] })
  let asked: readonly FamilyLine[] = []
  const get = async () => ({ name, help, type, aggregator: 'sum', values: asked })
  Object.assign(metric, { get, getForPromString: get })
  return (values) => {
    asked = values
    return registry.getSingleMetricAsString(name)
  }
}

function* chunksOf(lines: Iterable<FamilyLine>): Generator<readonly FamilyLine[]> {
  let chunk: FamilyLine[] = []
  for (const line of lines) {
    if (chunk.push(line) < LINES) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

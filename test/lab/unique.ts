/** A unique program that leaves a trace of all its life, and who finds in such traces what must not be. */

/** A stretch of a process's life, as its trace has it: one that stood still has several. Times are of the kernel's monotonic clock, the same for all that run on one. */
export interface Life {
  readonly ordinal: number
  readonly token: number
  readonly who: string
  readonly fromMs: number
  toMs: number
}

export interface Findings {
  readonly lives: readonly Life[]
  /** Two of one ordinal that lived at the same time, and for how long. */
  readonly doubled: readonly { readonly a: Life; readonly b: Life; readonly forMs: number }[]
  /** Lives whose token is no larger than that of one of their ordinal that began before them. */
  readonly stale: readonly Life[]
}

const BEAT_MS = 20
/** A process that says nothing for so long stood still. */
const GAP_MS = 1_000

/** A command that appends `<ordinal> <token> <who> <ms>` to `file` every 20 ms. */
export function tracing(file: string, ordinal: number): readonly string[] {
  const script = `
    const { openSync, writeSync } = require('node:fs')
    const out = openSync(${JSON.stringify(file)}, 'a')
    const who = require('node:crypto').randomUUID()
    const beat = () => {
      const ms = Number(process.hrtime.bigint() / 1000000n)
      writeSync(out, [process.argv[1], process.env.NSCTL_FENCING_TOKEN ?? 0, who, ms].join(' ') + '\\n')
    }
    beat()
    setInterval(beat, ${BEAT_MS})`
  return ['node', '-e', script, String(ordinal)]
}

export function judge(traces: readonly string[]): Findings {
  const newest = new Map<string, Life>()
  const all: Life[] = []
  const firsts = new Set<Life>()
  for (const beat of beatsOf(traces)) {
    const before = newest.get(beat.who)
    if (before !== undefined && beat.fromMs - before.toMs <= GAP_MS) {
      before.toMs = beat.toMs
      continue
    }
    newest.set(beat.who, beat)
    all.push(beat)
    if (before === undefined) firsts.add(beat)
  }
  const pairs = all.flatMap((a, index) =>
    all.slice(index + 1).flatMap((b) => (a.ordinal === b.ordinal && a.who !== b.who ? [{ a, b }] : [])),
  )
  return {
    lives: all,
    doubled: pairs.flatMap(({ a, b }) =>
      b.fromMs <= a.toMs ? [{ a, b, forMs: Math.min(a.toMs, b.toMs) - b.fromMs }] : [],
    ),
    stale: pairs.flatMap(({ a, b }) => (firsts.has(b) && b.token <= a.token ? [b] : [])),
  }
}

function beatsOf(traces: readonly string[]): readonly Life[] {
  const beats = traces
    .flatMap((text) => text.split('\n'))
    .flatMap((line) => {
      const [ordinal, token, who, at] = line.split(' ')
      // the last line of what was killed may be cut off
      if (who === undefined || at === undefined || !/^\d{3,}$/.test(at)) return []
      const [fromMs, toMs] = [Number(at), Number(at)]
      return [{ ordinal: Number(ordinal), token: Number(token), who, fromMs, toMs }]
    })
  return beats.sort((a, b) => a.fromMs - b.fromMs)
}

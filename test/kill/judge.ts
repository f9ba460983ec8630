/** Judges what workloads wrote of their own lives: never two at once where only one may run. */

/** One process, from its first line to its last. */
export interface Life {
  readonly pid: number
  readonly version: string
  readonly startUs: number
  readonly lastUs: number
  readonly beats: number
  readonly ended: boolean
}

/** Reads a life log. Throws where a line is torn: nothing that nsctl does may cost a workload its writes. */
export function readLives(text: string): readonly Life[] {
  const lives: { -readonly [K in keyof Life]: Life[K] }[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const match = /^(start|beat|end) (\d+) (\S+) (\d+) (\d+)$/.exec(line)
    if (match === null) throw new Error(`torn line: ${JSON.stringify(line)}`)
    const [, what, pidText, version = '', beatsText, atText] = match
    const [pid, beats, atUs] = [Number(pidText), Number(beatsText), Number(atText)]
    if (what === 'start') {
      lives.push({ pid, version, startUs: atUs, lastUs: atUs, beats: 0, ended: false })
      continue
    }
    const life = lives.findLast((one) => one.pid === pid && one.version === version)
    if (life === undefined) throw new Error(`a life without a start: ${line}`)
    if (beats > life.beats + 1) throw new Error(`beats are missing before: ${line}`)
    life.lastUs = atUs
    life.beats = beats
    life.ended = what === 'end'
  }
  return lives
}

/** Every pair of lives that overlap in time, in words; empty where there was never more than one at once. */
export function findDoubles(lives: readonly Life[]): readonly string[] {
  const ordered = [...lives].sort((a, b) => a.startUs - b.startUs)
  const doubles: string[] = []
  let last: Life | undefined
  for (const life of ordered) {
    if (last !== undefined && life.startUs <= last.lastUs) {
      const overlapMs = (last.lastUs - life.startUs) / 1000
      doubles.push(
        `pid ${life.pid} (${life.version}) began ${overlapMs} ms before pid ${last.pid} (${last.version}) was last seen`,
      )
    }
    if (last === undefined || life.lastUs > last.lastUs) last = life
  }
  return doubles
}

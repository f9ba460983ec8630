/**
 * Judges a run in which the owner of the runtime was killed again and again, by what the programs wrote themselves: one
 * append-only journal per id, which nsctl never touches. Pure.
 *
 *     start <attempt> <pid>    a process began; `double` instead where the lock was held by another one
 *     line <attempt> <n>       it has printed line n on stdout
 *     exit <attempt> <code>    it is about to exit; signals are ignored from here on
 *     crash <attempt> SIGKILL  it is about to kill itself
 */

/** What was seen of one id. */
export interface Evidence {
  readonly key: string
  readonly journal: readonly string[]
  /** Each attempt's stdout as nsctl has it, without the last newline. */
  readonly output: ReadonlyMap<string, readonly string[]>
  /** Every end that owners saw, in order: `code 7`, `signal SIGKILL`, … */
  readonly ends: readonly string[]
}

/** What is wrong, one sentence each; empty where all is well. */
export function judge(evidence: Evidence): readonly string[] {
  return [...doubles(evidence), ...lostLines(evidence), ...lostEnds(evidence)].map(
    (fault) => `${evidence.key}: ${fault}`,
  )
}

interface Entry {
  readonly word: string
  readonly attempt: string
  readonly value: string
}

function entriesOf({ journal }: Evidence): readonly Entry[] {
  return journal.map((text) => {
    const [word = '', attempt = '', value = ''] = text.split(' ')
    return { word, attempt, value }
  })
}

/** The kernel's lock tells, and the journal: a process that writes after the next one has begun ran beside it. */
function doubles(evidence: Evidence): readonly string[] {
  const faults: string[] = []
  const begun: string[] = []
  for (const { word, attempt } of entriesOf(evidence)) {
    if (word === 'double') faults.push(`${attempt} started while another held the lock`)
    if (word === 'start' || word === 'double') begun.push(attempt)
    else if (begun.at(-1) !== attempt) faults.push(`${attempt} wrote while ${begun.at(-1)} ran`)
  }
  const twice = begun.filter((attempt, i) => begun.indexOf(attempt) !== i)
  return [...faults, ...twice.map((attempt) => `${attempt} started twice`)]
}

/** A line is printed before it is noted: nsctl has as many as were noted, or one more. */
function lostLines(evidence: Evidence): readonly string[] {
  const noted = new Map<string, number>()
  for (const { word, attempt, value } of entriesOf(evidence))
    if (word === 'line') noted.set(attempt, Number(value))
  return [...noted].flatMap(([attempt, last]) => {
    const lines = evidence.output.get(attempt) ?? []
    const wrong = lines.findIndex((line, i) => line !== `line ${i + 1}`)
    if (wrong !== -1) return `${attempt} printed line ${wrong + 1}, kept is ${JSON.stringify(lines[wrong])}`
    if (lines.length < last) return `${attempt} printed ${last} lines, ${lines.length} are kept`
    return lines.length > last + 1 ? `${attempt} printed ${last} lines, ${lines.length} are kept` : []
  })
}

/** Ends that a program chose must have been seen, in this order; others may lie between. */
function lostEnds(evidence: Evidence): readonly string[] {
  let at = 0
  const faults: string[] = []
  for (const { word, attempt, value } of entriesOf(evidence)) {
    if (word !== 'exit' && word !== 'crash') continue
    const wanted = word === 'exit' ? `code ${value}` : `signal ${value}`
    // SIGKILL after the grace period may come before the exit that was announced
    const found = evidence.ends.findIndex(
      (end, i) => i >= at && (end === wanted || end === 'timeout SIGKILL'),
    )
    if (found === -1) faults.push(`${attempt} ended with ${wanted}, which nobody saw`)
    else at = found + 1
  }
  return faults
}

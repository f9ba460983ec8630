/**
 * Runs test files, each in a process of its own, and closes with `N passed, N failed, N skipped`.
 *
 *     node test/run.ts [--suite unit|stores|systemd|kill|faults|secrets|scaling|cluster] [--jobs N] [FILE …]
 *
 * A file belongs to the suite that its name ends in (`x.kill.test.ts`), else to `unit`. A file that runs no test, or ends
 * before its tests did, is a failure. Of the suites that boot machines nothing is left, also where this is interrupted; where it is killed, its next
 * run sees to that. With NSCTL_TEST_TALLY=FILE the figures are appended there for `.ci/run` to add up, with the files
 * that failed behind them.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { makeRunFolder, sweep, sweepStale } from './sweep.ts'

interface FileResult {
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly output: string
  readonly seconds: number
}

const SUITES = ['stores', 'systemd', 'kill', 'faults', 'secrets', 'scaling', 'cluster'] as const
/** Suites that make what does not end with them by itself. */
const SWEPT: readonly string[] = ['cluster']
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const FILE_LIMIT_MS = Number(process.env.NSCTL_TEST_FILE_LIMIT_MS ?? 900_000)

const DIE_WITH_US = ['setpriv', '--pdeathsig', 'KILL']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string', default: 'unit' },
    jobs: { type: 'string' },
    verbose: { type: 'boolean', short: 'v' },
  },
})

function suiteOf(file: string): string {
  return SUITES.find((suite) => file.endsWith(`.${suite}.test.ts`)) ?? 'unit'
}

/** uvu closes with `Total: 3`, `Passed: 3`, `Skipped: 0`; what is missing from the total has failed. */
function readTotals(output: string): { total: number; passed: number; skipped: number } | undefined {
  const plain = stripVTControlCharacters(output)
  const last = (label: string) =>
    [...plain.matchAll(new RegExp(`^\\s*${label}:\\s+(\\d+)`, 'gm'))].map((match) => Number(match[1]))
  const [total, passed, skipped] = [last('Total'), last('Passed'), last('Skipped')]
  if (total.length === 0) return undefined
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
  return { total: sum(total), passed: sum(passed), skipped: sum(skipped) }
}

function runFile(file: string): Promise<FileResult> {
  const started = performance.now()
  return new Promise((resolve) => {
    const [program, ...args] = [...(folder === undefined ? [] : DIE_WITH_US), process.execPath]
    const child = spawn(program!, [...args, '--disable-warning=ExperimentalWarning', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(folder && { TMPDIR: folder }), FORCE_COLOR: '0', NO_COLOR: '1' },
    })
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    child.stderr.on('data', (data) => {
      output += data
    })
    const limit = setTimeout(() => {
      output += `\n${file}: took longer than ${FILE_LIMIT_MS} ms\n`
      child.kill('SIGKILL')
    }, FILE_LIMIT_MS)
    child.on('close', (code) => {
      clearTimeout(limit)
      const seconds = (performance.now() - started) / 1000
      const totals = readTotals(output)
      if (totals === undefined || totals.total === 0) {
        resolve({
          file,
          passed: 0,
          failed: 1,
          skipped: 0,
          seconds,
          output: `${output}\n${file}: ran no test (is test.run() missing?)\n`,
        })
        return
      }
      // uvu counts a skipped test outside its total
      const failed = totals.total - totals.passed
      resolve({
        file,
        passed: totals.passed,
        failed: failed > 0 ? failed : code === 0 ? 0 : 1,
        skipped: totals.skipped,
        seconds,
        output,
      })
    })
  })
}

const files = (positionals.length > 0 ? positionals : globSync('test/**/*.test.ts'))
  .filter((file) => positionals.length > 0 || suiteOf(file) === values.suite)
  .sort()
if (files.length === 0) {
  console.error(`no test file in suite ${values.suite}`)
  process.exit(1)
}

const folder = process.platform === 'linux' && SWEPT.includes(values.suite) ? makeRunFolder() : undefined

const jobs = Number(values.jobs ?? (values.suite === 'unit' ? availableParallelism() : 1))
const queue = [...files]
let interrupted: { readonly code: number; readonly swept: Promise<void> } | undefined
if (folder !== undefined) {
  await sweepStale()
  for (const [signal, code] of Object.entries(SIGNALS))
    process.once(signal, () => {
      queue.length = 0
      interrupted ??= { code, swept: sweep(folder) }
    })
}
const results: FileResult[] = []
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file)
      results.push(result)
      const line = `${result.failed > 0 ? 'FAIL' : ' ok '} ${result.file}  ${result.passed} passed${result.skipped > 0 ? `, ${result.skipped} skipped` : ''}  ${result.seconds.toFixed(1)} s`
      console.log(line)
      if (result.failed > 0 || values.verbose) console.log(result.output)
    }
  }),
)

if (folder !== undefined) await (interrupted?.swept ?? sweep(folder))

const sum = (pick: (result: FileResult) => number) =>
  results.reduce((total, result) => total + pick(result), 0)
const [passed, failed, skipped] = [sum((r) => r.passed), sum((r) => r.failed), sum((r) => r.skipped)]
const failures = results.filter((one) => one.failed > 0).map(({ file }) => file)
if (process.env.NSCTL_TEST_TALLY)
  appendFileSync(process.env.NSCTL_TEST_TALLY, `${[passed, failed, skipped, ...failures].join(' ')}\n`)
for (const file of failures) console.log(`failed: ${file}`)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exit(interrupted?.code ?? (failed > 0 ? 1 : 0))

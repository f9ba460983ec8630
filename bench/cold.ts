/** How long a command takes that starts, reads and prints: against a bare Node, and against kubectl. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contender, cleanEnv, compare, type Row } from './measure.ts'
import { jsonOf } from './services.ts'

const READS: readonly (readonly string[])[] = [
  ['describe', 'service', 'service-00007'],
  ['get', 'services', '-o', 'json'],
  ['get', 'services', '-o', 'yaml'],
  ['get', 'services', '-o', 'jsonpath={.items[*].metadata.name}'],
  ['history', 'service', 'service-00007'],
  ['events'],
  ['api-resources'],
  ['explain', 'service.spec'],
  ['version'],
]

/** Modules that no read verb may load: they belong to others. */
const HEAVY = /^part-|(ink|react|prom-client|chalk|diff|ajv|execa|consul|@aws-sdk|@google-cloud|ssh2)\//

export function benchCold(nsctl: string, kubectl: string | undefined): readonly Row[] {
  const home = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  try {
    const env = cleanEnv({ NSCTL_HOME: home })
    const file = join(home, 'services.json')
    writeFileSync(file, jsonOf(100))
    const applied = spawnSync(nsctl, ['apply', '-f', file], { env })
    if (applied.status !== 0) throw new Error(`apply failed: ${applied.stderr}`)
    const bare: Contender = { name: 'node -e 0', command: [process.execPath, '-e', '0'], env }
    const get: Contender = { name: 'get services', command: [nsctl, 'get', 'services'], env }
    const peer =
      kubectl === undefined
        ? []
        : [{ name: 'kubectl', command: [kubectl, 'version', '--client'] as const, env }]
    const reads = READS.map((words) => ({
      name: words.join(' '),
      command: [nsctl, ...words] as [string, ...string[]],
      env,
    }))
    const timings = compare([bare, get, ...peer, ...reads], 25)
    const ms = (name: string) => timings.find((one) => one.name === name)?.medianMs ?? Number.NaN
    const rows: Row[] = [
      { bench: 'cold', what: 'bare node -e 0', value: ms('node -e 0'), unit: 'ms' },
      {
        bench: 'cold',
        what: 'get services (100 stored) / bare node',
        value: ms('get services') / ms('node -e 0'),
        unit: '×',
        goal: 2.5,
      },
    ]
    if (kubectl !== undefined) {
      const value = ms('get services') / ms('kubectl')
      rows.push({
        bench: 'cold',
        what: 'get services / kubectl version --client',
        value,
        unit: '×',
        goal: 1.4,
      })
    }
    for (const { name } of reads)
      rows.push({
        bench: 'cold',
        what: `${name} / bare node`,
        value: ms(name) / ms('node -e 0'),
        unit: '×',
        goal: 3.3,
      })
    const loaded = loadedBy([nsctl, 'get', 'services'], env, home)
    rows.push({
      bench: 'cold',
      what: `modules that get services loads (${loaded.length}) and should not`,
      value: loaded.filter((one) => HEAVY.test(one)).length,
      unit: 'count',
      goal: 0,
    })
    return rows
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** What a command loads, by its own record. */
function loadedBy(
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  home: string,
): readonly string[] {
  const record = join(home, 'loaded')
  const { status } = spawnSync(program, args, {
    env: { ...env, NSCTL_DEBUG_LOADED: record },
    stdio: 'ignore',
  })
  if (status !== 0) throw new Error(`${args.join(' ')} exits with ${status}`)
  const lines = readFileSync(record, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  if (lines.length === 0)
    throw new Error('the record of what was loaded is empty: the check would show nothing')
  return lines
}

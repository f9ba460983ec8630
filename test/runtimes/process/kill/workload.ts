/** The programs of the kill test. Each keeps a journal of its own and holds a lock of the kernel's while any of it runs. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLimits } from '../../../../src/runtimes/process/keeper.ts'
import type { ProgramExit, ProgramSpec, Runtime } from '../../../../src/runtimes/runtime.ts'

export const KEYS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'] as const

/** All attempts' output is kept: the judge wants to see it. */
export const LOG_LIMITS: LogLimits = { segmentBytes: 2 ** 20, segments: 1000, attempts: 100_000 }

/** Ends by itself after a while: with a code that no other attempt is likely to have, or by SIGKILL. */
const SCRIPT = `
key=$1 dir=$2 a=\${NSCTL_ATTEMPT##*.}
note() { echo "$1 $a $2" >>"$dir/$key.journal"; }
exec 9>>"$dir/$key.lock"
if flock -n 9; then note start $$; else note double $$; fi
trap 'trap "" TERM; note exit $(($$ % 90 + 1)); exit $(($$ % 90 + 1))' TERM
# every fourth leaves a child behind that holds the lock on and does not listen
[ $(($$ % 4)) -eq 0 ] && (trap "" TERM; exec sleep 3 >/dev/null) &
i=0
while [ $i -lt $(($$ % 40 + 5)) ]; do
  i=$((i + 1)); echo "line $i"; note line $i; sleep 0.01
done
[ $(($$ % 3)) -eq 0 ] && { note crash SIGKILL; kill -9 $$; }
trap "" TERM
note exit $(($$ % 90 + 1))
exit $(($$ % 90 + 1))
`

export function specOf(key: string, workDir: string): ProgramSpec {
  return {
    id: { namespace: 'default', service: key, templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' },
    command: ['/bin/sh', '-c', SCRIPT, 'workload', key, workDir],
    workingDir: '/',
    env: { PATH: '/usr/bin:/bin' },
    storage: [],
    limits: {},
    stop: { signal: 'SIGTERM', graceMs: 150 },
    network: 'host',
    relax: [],
  }
}

/** Notes every end that the runtime knows of now and hears of later, before anything else can happen. */
export function noteEnds(runtime: Pick<Runtime, 'observe' | 'onChange'>, workDir: string): void {
  const note = (key: string) => {
    const seen = runtime.observe().get(key)
    if (seen?.lastExit === undefined) return
    const end = `${seen.lastExit.atMs} ${wordsOf(seen.lastExit)}\n`
    appendFileSync(join(workDir, `${seen.id.service}.ends`), end)
  }
  for (const key of runtime.observe().keys()) note(key)
  runtime.onChange(note)
}

function wordsOf(exit: ProgramExit): string {
  if (exit.reason === 'exit-code') return `code ${exit.exitCode}`
  return exit.signal === undefined ? exit.reason : `${exit.reason} ${exit.signal}`
}

// Makes the code cache of a fresh build: runs the verbs that people wait for, then asks V8 for what it has compiled, so
// that functions compiled at their first call are in it. Argument: the folder of the build.
'use strict'
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join, resolve } = require('node:path')

const dist = resolve(process.argv[2])
const { load, run } = require(join(dist, 'nsctl.cjs'))

const SERVICES = Array.from({ length: 3 }, (_, n) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: `warm-${n}`, labels: { app: 'warm' } },
  spec: { replicas: 1, template: { source: { command: ['sleep', '60'] }, ports: [{ name: 'http' }] } },
}))

const LINES = (manifest) => [
  ['apply', '-f', manifest],
  ['get', 'services'],
  ['get', 'svc', '-o', 'yaml'],
  ['describe', 'service', 'warm-0'],
  ['history', 'service', 'warm-0'],
  ['events'],
  ['apply', '-f', manifest],
]

async function warm() {
  const home = mkdtempSync(join(tmpdir(), 'nsctl-warm-'))
  try {
    process.env.NSCTL_HOME = home
    delete process.env.NSCTL_STORE
    const manifest = join(home, 'warm.json')
    writeFileSync(manifest, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: SERVICES }))
    const script = load(undefined)
    const { execute } = run(script)
    for (const line of LINES(manifest)) {
      const exitCode = await execute(line)
      if (exitCode === 0) continue
      process.stderr.write(`nsctl ${line.join(' ')} exits ${exitCode}\n`)
      process.exitCode = 1
    }
    writeFileSync(join(dist, `bundle.${process.version}-${process.arch}.cache`), script.createCachedData())
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

warm()

// Makes a code cache of a fresh build: runs verbs that people wait for, then asks V8 for what it has compiled, so that
// functions compiled at their first call are in it. Loading a cache costs by its size, so verbs that read, that apply and that
// change what is there have one each. Arguments: the folder of the build, the cache's name.
'use strict'
const { spawnSync } = require('node:child_process')
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join, resolve } = require('node:path')

const dist = resolve(process.argv[2])
const name = process.argv[3]
const { cacheFile, ran, run } = require(join(dist, 'nsctl.cjs'))

/** So many that V8 notes in the cache what is worth compiling early; with all that services mostly have. */
const SERVICES = Array.from({ length: 300 }, (_, n) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: `warm-${n}`, labels: { app: 'warm' }, annotations: { 'example.org/owner': 'warm' } },
  spec: {
    replicas: 1,
    template: {
      source: { command: ['sleep', '60'], workingDir: '/' },
      env: [{ name: 'LEVEL', value: 'info' }],
      ports: [{ name: 'http' }, { name: 'admin' }],
      resources: { cpu: '100m', memory: '64Mi' },
      limits: { cpu: '1' },
      readiness: { http: { path: '/', port: 'http' }, period: '5s' },
      liveness: { http: { path: '/', port: 'http' }, period: '500ms' },
      stop: { gracePeriod: '5s' },
    },
    update: { strategy: 'Rolling', maxUnavailable: '10%', maxSurge: 1 },
  },
}))

/** What seals is a part of its own, and these lines are what its cache is for. */
const SECRETS = Array.from({ length: 10 }, (_, n) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Secret',
  metadata: { name: `warm-${n}` },
  stringData: { password: 'warm', token: 'warm' },
}))

const LINES = {
  read: [
    ['get', 'services'],
    ['get', 'svc', '-o', 'yaml'],
    ['describe', 'service', 'warm-0'],
    ['history', 'service', 'warm-0'],
    ['events'],
  ],
  secret: [
    ['apply', '-f', 'secrets.json'],
    ['apply', '-f', 'secrets.json'],
  ],
  apply: [
    ['apply', '-f', 'warm.yaml'],
    ['apply', '-f', 'warm.json'],
  ],
  change: [
    ['scale', 'service/warm-0', '--replicas', '2'],
    ['label', 'service', 'warm-0', 'tier=warm'],
    ['rollout', 'restart', 'service/warm-0'],
    ['delete', 'service', 'warm-2', '--wait=false'],
  ],
}

async function executeAll(lines, execute) {
  for (const line of lines) {
    const exitCode = await execute(line)
    if (exitCode === 0) continue
    process.stderr.write(`nsctl ${line.join(' ')} exits ${exitCode}\n`)
    process.exitCode = 1
  }
}

async function warm() {
  const home = mkdtempSync(join(tmpdir(), 'nsctl-warm-'))
  try {
    process.env.NSCTL_HOME = home
    process.env.NSCTL_CONFIG = join(home, 'config')
    delete process.env.NSCTL_STORE
    process.chdir(home)
    writeFileSync('warm.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: SERVICES }))
    writeFileSync('secrets.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: SECRETS }))
    writeFileSync(
      'warm.yaml',
      `${SERVICES.map((service) => JSON.stringify(service, null, 1)).join('\n---\n')}\n`,
    )
    // in a process of its own: what this one compiles goes into the cache
    if (name !== 'apply') spawnSync(process.execPath, [join(dist, 'nsctl.cjs'), 'apply', '-f', 'warm.json'])
    const { execute } = run('bundle.cjs')
    await executeAll(LINES[name], execute)
    for (const [file, { script }] of ran) {
      const cache = file === 'bundle.cjs' ? `bundle.${name}` : file.slice(0, -'.cjs'.length)
      writeFileSync(cacheFile(cache), script.createCachedData())
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

warm()

/** Applying 1,000 Services: against a floor program that does the least that can be done, and against consul kv import. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { type Contender, cleanEnv, compare, type Row } from './measure.ts'
import { jsonOf, serviceOf, yamlOf } from './services.ts'

const COUNT = 1_000
const ROUNDS = 7

export async function benchApply(nsctl: string, consul: string | undefined): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-bench-'))
  const stop: (() => void)[] = []
  try {
    const floor = join(folder, 'floor.mjs')
    await build({
      entryPoints: [join(import.meta.dirname, 'floor/apply.ts')],
      outfile: floor,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      minifySyntax: true,
      minifyWhitespace: true,
      banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    })
    const files = { yaml: join(folder, 'services.yaml'), json: join(folder, 'services.json') }
    writeFileSync(files.yaml, await yamlOf(COUNT))
    writeFileSync(files.json, jsonOf(COUNT))
    const contenders: Contender[] = []
    for (const [format, file] of Object.entries(files)) {
      const database = join(folder, 'floor.db')
      const home = join(folder, `home-${format}`)
      const kept = join(folder, `kept-${format}`)
      const env = (where: string) => cleanEnv({ NSCTL_HOME: where })
      contenders.push(
        {
          name: `floor ${format}`,
          command: [process.execPath, '--disable-warning=ExperimentalWarning', floor, file, database],
          env: cleanEnv(),
          before: () => removeDatabase(database),
        },
        {
          name: `apply ${format}`,
          command: [nsctl, 'apply', '-f', file],
          env: env(home),
          before: () => rmSync(home, { recursive: true, force: true }),
        },
        { name: `again ${format}`, command: [nsctl, 'apply', '-f', file], env: env(kept) },
      )
    }
    if (consul !== undefined) contenders.push(await consulImport(consul, folder, stop))
    const timings = compare(contenders, ROUNDS)
    const ms = (name: string) => timings.find((one) => one.name === name)?.medianMs ?? Number.NaN
    const rows: Row[] = []
    for (const format of ['yaml', 'json']) {
      rows.push({
        bench: 'apply',
        what: `floor, ${COUNT} ${format}`,
        value: ms(`floor ${format}`),
        unit: 'ms',
      })
      rows.push({
        bench: 'apply',
        what: `apply ${COUNT} ${format} / floor`,
        value: ms(`apply ${format}`) / ms(`floor ${format}`),
        unit: '×',
        goal: 1.5,
      })
      rows.push({
        bench: 'apply',
        what: `unchanged ${format} again / floor`,
        value: ms(`again ${format}`) / ms(`floor ${format}`),
        unit: '×',
        goal: 1.2,
      })
    }
    if (consul !== undefined) {
      rows.push({
        bench: 'apply',
        what: 'apply json / consul kv import',
        value: ms('apply json') / ms('consul kv import'),
        unit: '×',
        goal: 1,
      })
    }
    return rows
  } finally {
    for (const end of stop) end()
    rmSync(folder, { recursive: true, force: true })
  }
}

function removeDatabase(file: string): void {
  for (const tail of ['', '-wal', '-shm']) rmSync(file + tail, { force: true })
}

/** A Consul agent on disk, on loopback, and the same documents as an import file. */
async function consulImport(consul: string, folder: string, stop: (() => void)[]): Promise<Contender> {
  const port = await freePort()
  const data = join(folder, 'consul')
  const ports = `ports { http = ${port} dns = -1 grpc = -1 serf_lan = ${await freePort()} serf_wan = -1 server = ${await freePort()} }`
  const config = join(folder, 'consul.hcl')
  writeFileSync(config, `${ports}\n`)
  const args = [
    'agent',
    '-server',
    '-bootstrap-expect=1',
    '-bind=127.0.0.1',
    `-data-dir=${data}`,
    `-config-file=${config}`,
    '-log-level=err',
  ]
  const agent = spawn(consul, args, { stdio: 'ignore' })
  stop.push(() => agent.kill('SIGKILL'))
  const documents = Array.from({ length: COUNT }, (_, index) => ({
    key: `services/${index}`,
    flags: 0,
    value: Buffer.from(JSON.stringify(serviceOf(index))).toString('base64'),
  }))
  const file = join(folder, 'consul.json')
  writeFileSync(file, JSON.stringify(documents))
  const env = cleanEnv({ CONSUL_HTTP_ADDR: `127.0.0.1:${port}` })
  for (let tries = 0; tries < 150; tries++) {
    if (spawnSync(consul, ['kv', 'put', 'ready', '1'], { env }).status === 0) {
      return { name: 'consul kv import', command: [consul, 'kv', 'import', `@${file}`], env }
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('consul did not become ready within 30 s')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

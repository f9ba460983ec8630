/** Prometheus and VictoriaMetrics for tests, out of Debian's packages; both scrape what they are told to. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface ScrapeJob {
  readonly name: string
  /** `127.0.0.1:9100` */
  readonly targets: readonly string[]
  /** 100 ms where left out. */
  readonly intervalMs?: number
  /** `/metrics` where left out. */
  readonly path?: string
  /** Labels of what is scraped stay as they are. */
  readonly honorLabels?: boolean
}

export interface PrometheusServer {
  readonly port: number
  /** `http://127.0.0.1:20900` */
  readonly url: string
  readonly process: ServerProcess
  /** An instant query; the values of its series, in any order. */
  query(text: string): Promise<readonly { readonly metric: Record<string, string>; readonly value: number }[]>
  /** After a kill: over its files, at its port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface PrometheusOptions {
  readonly jobs?: readonly ScrapeJob[]
  /** Those who may ask: name and bcrypt of the password. */
  readonly users?: Readonly<Record<string, string>>
  readonly tls?: { readonly cert: string; readonly key: string }
  /** For `ready` where users are wanted: `Basic …`. */
  readonly authorization?: string
}

/** `promtool` is in the same folder. */
export async function prometheusBinary(name: 'prometheus' | 'promtool' = 'prometheus'): Promise<string> {
  return join(await extractDeb('bookworm', 'prometheus'), 'usr/bin', name)
}

export async function startPrometheus(options: PrometheusOptions = {}): Promise<PrometheusServer> {
  const binary = await prometheusBinary()
  return start('prometheus', options, (directory, port) => {
    writeFileSync(join(directory, 'web.json'), JSON.stringify(webConfig(options)))
    return [
      binary,
      `--config.file=${join(directory, 'scrape.json')}`,
      `--web.config.file=${join(directory, 'web.json')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
  })
}

export async function startVictoriaMetrics(options: PrometheusOptions = {}): Promise<PrometheusServer> {
  const binary = join(await extractDeb('bookworm', 'victoria-metrics'), 'usr/bin/victoria-metrics')
  return start('victoria-metrics', options, (directory, port) => [
    binary,
    `-promscrape.config=${join(directory, 'scrape.json')}`,
    `-storageDataPath=${join(directory, 'data')}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    // what was scraped now counts now, and not in half a minute
    '-search.latencyOffset=1ms',
    '-search.disableCache',
    '-loggerLevel=WARN',
  ])
}

/** A number that can be scraped, under one name. */
export interface Gauge {
  readonly target: string
  /** What stands behind the name: `5`, `NaN`, `+Inf`; undefined for no such series. */
  set(value: string | undefined): void
  stop(): Promise<void>
}

export async function startGauge(name: string): Promise<Gauge> {
  let text = ''
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    target: `127.0.0.1:${(server.address() as { port: number }).port}`,
    set(value) {
      text = value === undefined ? '' : `# TYPE ${name} gauge\n${name} ${value}\n`
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function start(
  name: string,
  options: PrometheusOptions,
  command: (directory: string, port: number) => readonly string[],
): Promise<PrometheusServer> {
  const directory = serverDirectory(name)
  const [port] = (await freePorts(1)) as readonly [number]
  // JSON is YAML
  writeFileSync(join(directory.path, 'scrape.json'), JSON.stringify(scrapeConfig(options.jobs ?? [])))
  const headers = options.authorization === undefined ? {} : { authorization: options.authorization }
  const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const run = async () => {
    const server = startServer(command(directory.path, port), join(directory.path, 'log'))
    await untilReady(server, async () => {
      if (options.tls !== undefined) return server.log().includes('Server is ready')
      return (await fetch(`${url}/-/ready`, { headers })).ok || name === 'victoria-metrics'
    })
    return server
  }
  let server = await run()
  return {
    port,
    url,
    get process() {
      return server
    },
    async query(text) {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(text)}`, { headers })
      const { data } = (await response.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] }
      }
      return data.result.map(({ metric, value }) => ({
        metric,
        value: Number(value[1].replace('Inf', 'Infinity')),
      }))
    },
    async restart() {
      await server.kill()
      server = await run()
    },
    async stop() {
      await server.kill()
      directory.remove()
    },
  }
}

function scrapeConfig(jobs: readonly ScrapeJob[]): object {
  return {
    scrape_configs: jobs.map(
      ({ name, targets, intervalMs = 100, path = '/metrics', honorLabels = false }) => ({
        job_name: name,
        honor_labels: honorLabels,
        scrape_interval: `${intervalMs}ms`,
        scrape_timeout: `${intervalMs}ms`,
        metrics_path: path,
        static_configs: [{ targets }],
      }),
    ),
  }
}

function webConfig({ users, tls }: PrometheusOptions): object {
  return {
    ...(users === undefined ? {} : { basic_auth_users: users }),
    ...(tls === undefined ? {} : { tls_server_config: { cert_file: tls.cert, key_file: tls.key } }),
  }
}

/** Caddy for tests, out of Debian's package: stands before one server, and shows metrics at its admin address. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface CaddyServer {
  /** What leads to the server behind it. */
  readonly url: string
  readonly metricsUrl: string
  readonly process: ServerProcess
  /** After a kill: at the same ports, with counts that begin anew. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** @param upstream `127.0.0.1:8080` */
export async function startCaddy(upstream: string): Promise<CaddyServer> {
  const binary = join(await extractDeb('bookworm', 'caddy'), 'usr/bin/caddy')
  const directory = serverDirectory('caddy')
  const [port, admin] = (await freePorts(2)) as readonly [number, number]
  const route = { handle: [{ handler: 'reverse_proxy', upstreams: [{ dial: upstream }] }] }
  const server = { metrics: {}, listen: [`127.0.0.1:${port}`], routes: [route] }
  const config = { admin: { listen: `127.0.0.1:${admin}` }, apps: { http: { servers: { server } } } }
  const file = join(directory.path, 'caddy.json')
  writeFileSync(file, JSON.stringify(config))
  const metricsUrl = `http://127.0.0.1:${admin}/metrics`
  const run = async () => {
    const command = [
      'env',
      `HOME=${directory.path}`,
      `XDG_DATA_HOME=${directory.path}`,
      binary,
      'run',
      '--config',
      file,
    ]
    const started = startServer(command, join(directory.path, 'log'))
    await untilReady(started, async () => (await fetch(metricsUrl)).ok)
    return started
  }
  let running = await run()
  return {
    url: `http://127.0.0.1:${port}`,
    metricsUrl,
    get process() {
      return running
    },
    async restart() {
      await running.kill()
      running = await run()
    },
    async stop() {
      await running.kill()
      directory.remove()
    },
  }
}

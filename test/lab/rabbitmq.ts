/** RabbitMQ for tests, with its management API, on loopback: Debian's, with an Erlang beside it. */
import { rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface RabbitOptions {
  /** Both of its ports speak TLS instead, and ask for a certificate. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

export interface RabbitServer {
  readonly host: string
  readonly amqpPort: number
  readonly httpPort: number
  readonly process: ServerProcess
  /** A request to the management API as the administrator: `PUT`, `/queues/%2F/jobs`. */
  api(method: string, path: string, body?: unknown): Promise<unknown>
  /** Empties the queue and puts so many messages in. */
  fill(queue: string, messages: number): Promise<void>
  /** After a kill, at its addresses; what was durable is there. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export const RABBIT_ADMIN = { username: 'admin', password: 'planted-rabbit-5c1d' } as const

const HOST = '127.0.0.1'
const APPLICATIONS = [
  ...['crypto', 'eldap', 'inets', 'mnesia', 'os-mon', 'parsetools', 'public-key', 'runtime-tools'],
  ...['ssl', 'syntax-tools', 'tools', 'xmerl', 'asn1'],
]

/** Starts one and waits until both of its ports answer; some seconds. */
export async function startRabbit(options: RabbitOptions = {}): Promise<RabbitServer> {
  const directory = serverDirectory('rabbitmq')
  const [amqpPort, httpPort, epmdPort, nodePort] = (await freePorts(4)) as [number, number, number, number]
  const { command, epmd, environment } = await programs()
  writeFileSync(join(directory.path, 'rabbitmq.conf'), configOf(options, amqpPort, httpPort))
  writeFileSync(join(directory.path, 'plugins'), '[rabbitmq_management,rabbitmq_auth_mechanism_ssl].')
  const env = [
    'env',
    ...environment,
    ...variablesOf(directory.path, epmdPort, nodePort).map(([name, value]) => `${name}=${value}`),
  ]
  // the one that Erlang would start by itself, and leave behind
  const names = startServer([...env, epmd, '-port', String(epmdPort)], join(directory.path, 'epmd.log'))
  const start = () => startServer([...env, ...command], join(directory.path, 'log'))
  let process = start()
  const api = async (method: string, path: string, body?: unknown) => {
    const login = Buffer.from(`${RABBIT_ADMIN.username}:${RABBIT_ADMIN.password}`).toString('base64')
    const response = await fetch(`http://${HOST}:${httpPort}/api${path}`, {
      method,
      headers: { authorization: `Basic ${login}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }
  const ready = () =>
    untilReady(
      process,
      async () =>
        options.tls === undefined
          ? (await api('GET', '/overview')) !== undefined
          : /Server startup complete/.test(process.log()),
      60_000,
    )
  await ready()
  return {
    host: HOST,
    amqpPort,
    httpPort,
    get process() {
      return process
    },
    api,
    async fill(queue, messages) {
      await api('DELETE', `/queues/%2F/${queue}/contents`)
      const message = { properties: {}, routing_key: queue, payload: 'x', payload_encoding: 'string' }
      for (let i = 0; i < messages; i++) await api('POST', '/exchanges/%2F/amq.default/publish', message)
    },
    async restart() {
      rmSync(join(directory.path, 'log'))
      process = start()
      await ready()
    },
    async stop() {
      await process.kill()
      await names.kill()
      directory.remove()
    },
  }
}

function configOf({ tls }: RabbitOptions, amqpPort: number, httpPort: number): string {
  const files = (prefix: string) =>
    tls === undefined
      ? []
      : [
          `${prefix}.cacertfile = ${tls.ca}`,
          `${prefix}.certfile = ${tls.cert}`,
          `${prefix}.keyfile = ${tls.key}`,
        ]
  const ports =
    tls === undefined
      ? [
          `listeners.tcp.1 = ${HOST}:${amqpPort}`,
          `management.tcp.port = ${httpPort}`,
          `management.tcp.ip = ${HOST}`,
        ]
      : [
          'listeners.tcp = none',
          `listeners.ssl.1 = ${HOST}:${amqpPort}`,
          `management.ssl.port = ${httpPort}`,
          `management.ssl.ip = ${HOST}`,
          'ssl_options.verify = verify_peer',
          'ssl_cert_login_from = common_name',
          'auth_mechanisms.1 = PLAIN',
          'auth_mechanisms.2 = EXTERNAL',
        ]
  return [
    ...ports,
    ...files('ssl_options'),
    ...files('management.ssl'),
    `default_user = ${RABBIT_ADMIN.username}`,
    `default_pass = ${RABBIT_ADMIN.password}`,
    'loopback_users = none',
    // how old what the management API says may be: it looks as often as the shortest of these has samples
    'collect_statistics_interval = 200',
    ...['global', 'basic', 'detailed'].map(
      (what) => `management.sample_retention_policies.${what}.minute = 1`,
    ),
    '',
  ].join('\n')
}

function variablesOf(
  path: string,
  epmdPort: number,
  nodePort: number,
): readonly (readonly [string, string])[] {
  return [
    ['HOME', path],
    ['RABBITMQ_BASE', path],
    ['RABBITMQ_CONFIG_FILE', join(path, 'rabbitmq.conf')],
    ['RABBITMQ_CONF_ENV_FILE', join(path, 'none')],
    ['RABBITMQ_ENABLED_PLUGINS_FILE', join(path, 'plugins')],
    ['RABBITMQ_GENERATED_CONFIG_DIR', join(path, 'generated')],
    ['RABBITMQ_MNESIA_BASE', join(path, 'database')],
    ['RABBITMQ_LOG_BASE', join(path, 'logs')],
    ['RABBITMQ_LOGS', '-'],
    ['RABBITMQ_PID_FILE', join(path, 'pid')],
    ['RABBITMQ_NODENAME', 'rabbit@localhost'],
    ['RABBITMQ_DIST_PORT', String(nodePort)],
    ['ERL_EPMD_PORT', String(epmdPort)],
    ['ERL_EPMD_ADDRESS', HOST],
  ]
}

async function programs(): Promise<{
  readonly command: readonly string[]
  readonly epmd: string
  readonly environment: readonly string[]
}> {
  const erlang = join(await extractDeb('bookworm', 'erlang-base'), 'usr/lib/erlang')
  const applications: string[] = []
  for (const name of APPLICATIONS)
    applications.push(join(await extractDeb('bookworm', `erlang-${name}`), 'usr/lib/erlang/lib'))
  const versions = join(await extractDeb('bookworm', 'rabbitmq-server'), 'usr/lib/rabbitmq/lib')
  const rabbit = join(versions, await named(versions, 'rabbitmq_server-'))
  const plugins = join(rabbit, 'plugins')
  const bin = join(erlang, await named(erlang, 'erts-'), 'bin')
  return {
    epmd: join(bin, 'epmd'),
    environment: [
      ...[`ROOTDIR=${erlang}`, `BINDIR=${bin}`, 'EMU=beam', 'PROGNAME=erl'],
      ...[`PATH=${bin}:/usr/bin:/bin`, `ERL_LIBS=${[plugins, ...applications].join(':')}`],
      `RABBITMQ_HOME=${rabbit}`,
    ],
    command: [
      ...[join(bin, 'erlexec'), '-pa', join(plugins, await named(plugins, 'rabbit-'), 'ebin')],
      ...['-noinput', '-s', 'rabbit', 'boot', '-boot', join(erlang, 'bin', 'start_sasl'), '+W', 'w'],
      ...['+S', '1:1', '+sbwt', 'none', '-syslog', 'logger', '[]', '-syslog', 'syslog_error_logger', 'false'],
      ...['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'],
    ],
  }
}

/** The one entry of a folder that begins so. */
async function named(folder: string, prefix: string): Promise<string> {
  const found = (await readdir(folder)).find((entry) => entry.startsWith(prefix))
  if (found === undefined) throw new Error(`${folder} has no ${prefix}…`)
  return found
}

/** PostgreSQL and MariaDB for tests, out of Debian's packages, each with one user whose password counts. */
import { execFileSync } from 'node:child_process'
import { chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
  untilStopped,
} from './servers.ts'

export interface DatabaseServer {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** SIGSTOP and SIGCONT, to the processes of its connections as well. */
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  execute(sql: string): Promise<readonly Record<string, unknown>[]>
  /** After a kill: over its files, at its port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const USER = 'scaler'
const PASSWORD = 'p@ss/w:rd #1'
const DATABASE = 'jobs'

/** PostgreSQL refuses to be root. */
const NOBODY = 65_534
const isRoot = userInfo().uid === 0

/** What Debian's packages need and machines may miss. */
async function librariesOf(program: string, packages: readonly string[]): Promise<readonly string[]> {
  const missing = execFileSync('ldd', [program], { encoding: 'utf8' }).includes('not found')
  if (!missing) return []
  const folders: string[] = []
  for (const name of packages)
    folders.push(join(await extractDeb('bookworm', name), 'usr/lib/x86_64-linux-gnu'))
  return ['env', `LD_LIBRARY_PATH=${folders.join(':')}`]
}

export async function startPostgres(
  options: { readonly tls?: { cert: string; key: string } } = {},
): Promise<DatabaseServer> {
  const debs = await extractDeb('bookworm', 'postgresql-15')
  const directory = serverDirectory('postgres')
  const [port] = (await freePorts(1)) as readonly [number]
  const [root, data] = [join(directory.path, 'root'), join(directory.path, 'data')]
  // where another user may run it
  for (const part of ['usr/lib/postgresql/15', 'usr/share/postgresql/15'])
    cpSync(join(debs, part), join(root, part), { recursive: true })
  const bin = join(root, 'usr/lib/postgresql/15/bin')
  const libraries = await librariesOf(join(bin, 'postgres'), [
    'libicu72',
    'libldap-2.5-0',
    'libxml2',
    'libpq5',
    'libllvm14',
  ])
  const as = isRoot
    ? [
        'setpriv',
        '--reuid',
        String(NOBODY),
        '--regid',
        String(NOBODY),
        '--clear-groups',
        '--pdeathsig',
        'KILL',
      ]
    : []
  const passwordFile = join(directory.path, 'password')
  writeFileSync(passwordFile, PASSWORD)
  mkdirSync(data, { mode: 0o700 })
  if (isRoot) for (const path of [directory.path, data, passwordFile]) chownSync(path, NOBODY, NOBODY)
  const init = [
    '-D',
    data,
    '-U',
    USER,
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-E',
    'UTF8',
    '--no-locale',
    '--no-sync',
  ]
  const [command = '', ...rest] = [...as, ...libraries, join(bin, 'initdb'), ...init]
  execFileSync(command, rest, { stdio: 'pipe', cwd: directory.path })
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${directory.path}`,
    'fsync=off',
    'shared_buffers=8MB',
    'max_connections=50',
  ]
  if (options.tls !== undefined) {
    for (const [from, to] of [
      [options.tls.cert, 'cert'],
      [options.tls.key, 'key'],
    ] as const) {
      writeFileSync(join(directory.path, to), readFileSync(from), { mode: 0o600 })
      if (isRoot) chownSync(join(directory.path, to), NOBODY, NOBODY)
      settings.push(`ssl_${to}_file=${join(directory.path, to)}`)
    }
    settings.push('ssl=on')
  }
  const flags = settings.flatMap((setting) => ['-c', setting])
  const connect = async (database: string) => {
    const client = new Client({ host: '127.0.0.1', port, user: USER, password: PASSWORD, database })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const execute = async (sql: string, database = DATABASE) => {
    const client = await connect(database)
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const run = async () => {
    const server = startServer(
      [...as, ...libraries, join(bin, 'postgres'), '-D', data, ...flags],
      join(directory.path, 'log'),
    )
    await untilReady(server, async () => (await execute('SELECT 1', 'postgres')).length === 1)
    return server
  }
  return serverOf({
    port,
    directory,
    run,
    execute,
    create: () => execute(`CREATE DATABASE ${DATABASE}`, 'postgres'),
  })
}

export async function startMariadb(): Promise<DatabaseServer> {
  const debs = await extractDeb('bookworm', 'mariadb-server-core')
  const directory = serverDirectory('mariadb')
  const [port] = (await freePorts(1)) as readonly [number]
  const data = join(directory.path, 'data')
  mkdirSync(join(data, 'mysql'), { recursive: true })
  const program = join(debs, 'usr/sbin/mariadbd')
  const libraries = await librariesOf(program, ['libaio1', 'liburing2', 'libnuma1', 'libpcre2-8-0'])
  const share = join(debs, 'usr/share/mysql')
  const base = [
    ...libraries,
    program,
    '--no-defaults',
    `--datadir=${data}`,
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, 'charsets')}`,
    `--tmpdir=${directory.path}`,
    '--innodb-buffer-pool-size=8M',
    '--innodb-log-file-size=4M',
    // what was committed outlives kill -9, and need not outlive the machine
    '--innodb-flush-log-at-trx-commit=2',
    '--innodb-flush-method=nosync',
    '--skip-innodb-doublewrite',
    ...(isRoot ? ['--user=root'] : []),
  ]
  const scripts = ['mysql_system_tables', 'mysql_performance_tables', 'mysql_system_tables_data']
  const sql = [
    'USE mysql;',
    ...scripts.map((name) => readFileSync(join(share, `${name}.sql`), 'utf8')),
    `FLUSH PRIVILEGES;\nCREATE USER '${USER}'@'%' IDENTIFIED BY '${PASSWORD}';\nGRANT ALL ON *.* TO '${USER}'@'%';\nCREATE DATABASE ${DATABASE};\n`,
  ]
  const [command = '', ...rest] = [...base, '--bootstrap', '--skip-networking']
  execFileSync(command, rest, { input: sql.join('\n'), stdio: ['pipe', 'pipe', 'pipe'], cwd: directory.path })
  const execute = async (text: string) => {
    const connection = await createConnection({
      host: '127.0.0.1',
      port,
      user: USER,
      password: PASSWORD,
      database: DATABASE,
    })
    try {
      const [rows] = await connection.query(text)
      return rows as Record<string, unknown>[]
    } finally {
      await connection.end()
    }
  }
  const run = async () => {
    const flags = [
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory.path, 'socket')}`,
      `--pid-file=${join(directory.path, 'pid')}`,
    ]
    const server = startServer([...base, ...flags], join(directory.path, 'log'))
    await untilReady(server, async () => (await execute('SELECT 1')).length === 1)
    return server
  }
  return serverOf({ port, directory, run, execute, create: async () => undefined })
}

async function serverOf(parts: {
  readonly port: number
  readonly directory: ReturnType<typeof serverDirectory>
  run(): Promise<ServerProcess>
  execute(sql: string): Promise<readonly Record<string, unknown>[]>
  create(): Promise<unknown>
}): Promise<DatabaseServer> {
  let server = await parts.run()
  await parts.create()
  return {
    ...{ port: parts.port, user: USER, password: PASSWORD, database: DATABASE },
    freeze() {
      for (const pid of signalAll(server.pid, 'SIGSTOP')) untilStopped(pid)
    },
    thaw: () => void signalAll(server.pid, 'SIGCONT'),
    kill: () => server.kill(),
    execute: parts.execute,
    async restart() {
      await server.kill()
      // the processes of PostgreSQL's connections find out that it was killed, and end, a moment later
      for (let attempt = 0; ; attempt++)
        try {
          server = await parts.run()
          return
        } catch (error) {
          if (attempt === 20) throw error
          await new Promise((resolve) => setTimeout(resolve, 250))
        }
    },
    async stop() {
      await server.kill()
      parts.directory.remove()
    },
  }
}

/** Returns whom it went to. */
function signalAll(pid: number, signal: NodeJS.Signals): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  const all = [pid, ...children.map(Number)]
  for (const one of all)
    try {
      process.kill(one, signal)
    } catch {
      // it ended by itself
    }
  return all
}

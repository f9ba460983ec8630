import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Source, SourceType } from '../../../src/scaling/source.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { type DatabaseServer, startMariadb, startPostgres } from '../../lab/databases.ts'
import { type Gate, startGate } from '../../lab/gate.ts'
import { canFetchDebs, serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { type Outside, sourceContract } from './contract.ts'
import { sourceContext, type TriggerSpec, triggerConfig } from './double.ts'

interface Dialect {
  readonly type: string
  readonly target: string
  readonly activation: string
  readonly user: string
  /** A connection string, and the parameter that it goes into. */
  whole(server: DatabaseServer, gate: Gate): Record<string, string>
  readonly wholeName: string
  readonly parts: Record<string, string>
  start(): Promise<DatabaseServer>
  source(): Promise<SourceType>
}

const DIALECTS: readonly Dialect[] = [
  {
    type: 'postgresql',
    target: 'targetQueryValue',
    activation: 'activationTargetQueryValue',
    user: 'userName',
    wholeName: 'connection',
    whole: ({ user, password, database }, { port }) => ({
      connection: `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    }),
    parts: { sslmode: 'disable' },
    start: () => startPostgres(),
    source: async () => (await import('../../../src/scaling/sources/postgresql.ts')).postgresql,
  },
  {
    type: 'mysql',
    target: 'queryValue',
    activation: 'activationQueryValue',
    user: 'username',
    wholeName: 'connectionString',
    whole: ({ user, password, database }, { port }) => ({
      connectionString: `${user}:${password}@tcp(127.0.0.1:${port})/${database}`,
    }),
    parts: {},
    start: () => startMariadb(),
    source: async () => (await import('../../../src/scaling/sources/mysql.ts')).mysql,
  },
]

async function outsideOf(dialect: Dialect, server: DatabaseServer): Promise<Outside> {
  await server.execute('CREATE TABLE waiting (n BIGINT)')
  await server.execute('INSERT INTO waiting VALUES (0)')
  const gate = await startGate({ host: '127.0.0.1', port: server.port })
  const trigger = (query: string, more: Partial<TriggerSpec> = {}): TriggerSpec => ({
    type: dialect.type,
    metadata: { query, [dialect.target]: '5', [dialect.activation]: '3' },
    authentication: dialect.whole(server, gate),
    ...more,
  })
  const count = 'SELECT n FROM waiting'
  const byParts = (more: Record<string, string>): TriggerSpec => ({
    ...trigger(count),
    authentication: {
      host: '127.0.0.1',
      port: String(gate.port),
      [dialect.user]: server.user,
      password: server.password,
      dbName: server.database,
      ...dialect.parts,
      ...more,
    },
  })
  return {
    trigger: trigger(count),
    activation: 3,
    gate,
    server: {
      freeze: () => server.freeze(),
      thaw: () => server.thaw(),
      kill: () => server.kill(),
      restart: () => server.restart(),
    },
    set: async (value) => void (await server.execute(`UPDATE waiting SET n = ${value}`)),
    wrongCredentials: [
      { what: 'wrong password', trigger: byParts({ password: 'wrong-pw' }) },
      { what: 'no such user', trigger: byParts({ [dialect.user]: 'nobody-here' }) },
    ],
    invalid: [
      { what: 'no such table', trigger: trigger('SELECT count(*) FROM nothing') },
      { what: 'no SQL', trigger: trigger('how many?') },
      { what: 'NULL', trigger: trigger('SELECT max(n) FROM waiting WHERE n < 0') },
      { what: 'no row', trigger: trigger('SELECT n FROM waiting WHERE n < 0') },
      { what: 'several rows', trigger: trigger('SELECT 1 UNION ALL SELECT 2') },
      { what: 'several columns', trigger: trigger('SELECT 1, 2') },
      { what: 'a text', trigger: trigger("SELECT 'many'") },
      { what: 'several statements', trigger: trigger('SELECT 1; SELECT 2') },
      { what: 'no rows at all', trigger: trigger('UPDATE waiting SET n = n') },
      { what: '2 MiB', trigger: trigger("SELECT repeat('1', 2097152)") },
      { what: 'a division by zero', trigger: trigger('SELECT 1/0') },
      { what: 'no such database', trigger: byParts({ dbName: 'nothing_here' }) },
    ],
    empty: [
      { what: 'count(*) of nothing', trigger: trigger('SELECT count(*) FROM waiting WHERE n < 0') },
      { what: 'by parts', trigger: { ...byParts({}), metadata: trigger('SELECT 0.0').metadata } },
    ],
    refused: [
      {
        what: 'no connection string',
        trigger: trigger(count, { authentication: { [dialect.wholeName]: 'secret-nonsense' } }),
        parameter: dialect.wholeName,
      },
      { what: 'no port', trigger: byParts({ port: '99999' }), parameter: 'port' },
    ],
    secrets: [server.password, encodeURIComponent(server.password), 'wrong-pw', 'secret-nonsense'],
    async stop() {
      await gate.close()
      await server.stop()
    },
  }
}

for (const dialect of DIALECTS)
  sourceContract({
    name: dialect.type,
    module: new URL(`../../../src/scaling/sources/${dialect.type}.ts`, import.meta.url),
    type: dialect.source,
    present: canFetchDebs(),
    part: 'Debian packages',
    start: async () => outsideOf(dialect, await dialect.start()),
  })

const more = suite('SQL beyond the contract')
const it = needs(more, canFetchDebs() && canMakeCertificates(), 'Debian packages and openssl')

it('postgresql: numbers of all types, and a limit at the server', async () => {
  const server = await startPostgres()
  const { postgresql } = await import('../../../src/scaling/sources/postgresql.ts')
  const connection = `host=127.0.0.1 port=${server.port} user=${server.user} password='${server.password}' dbname=${server.database}`
  const open = (query: string, metadata: Record<string, string> = {}) =>
    postgresql.open(
      triggerConfig({
        type: 'postgresql',
        metadata: { query, targetQueryValue: '5', ...metadata },
        authentication: { connection },
      }),
      sourceContext(),
    )
  const opened: Source[] = []
  try {
    for (const [sql, want] of [
      ['SELECT 3::smallint', 3],
      ['SELECT 9007199254740991::bigint', 9_007_199_254_740_991],
      ['SELECT 2.5::numeric', 2.5],
      ['SELECT 1e3::double precision', 1000],
      ['SELECT -4', -4],
      ["SELECT ' 12 '", 12],
    ] as const) {
      const source = open(sql)
      opened.push(source)
      const reading = await source.measure(AbortSignal.timeout(5_000))
      assert.equal(reading.kind === 'values' && reading.metrics[0]?.value, want, sql)
    }
    for (const sql of ["SELECT 'NaN'::float8", "SELECT 'Infinity'::float8", 'SELECT true', 'SELECT now()']) {
      const source = open(sql)
      opened.push(source)
      const error = await source.measure(AbortSignal.timeout(5_000)).catch((thrown) => thrown)
      assert.ok(isNsctlError(error, 'Invalid'), `${sql}: ${error}`)
    }
    const slow = open('SELECT count(*) FROM pg_sleep(30)', { timeout: '300' })
    opened.push(slow)
    await slow.measure(AbortSignal.timeout(200)).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 300))
    const left = await server.execute(
      "SELECT * FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND state = 'active'",
    )
    assert.is(left.length, 0, 'nothing goes on at the server for nobody')
    const error = await slow.measure(AbortSignal.timeout(5_000)).catch((thrown) => thrown)
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    assert.match(error.message, 'statement timeout')
  } finally {
    for (const source of opened) await source.close()
    await server.stop()
  }
})

it('postgresql: sslmode says whether there must be TLS, and whose', async () => {
  const directory = serverDirectory('postgres-tls')
  const authority = makeAuthority(directory.path)
  const [secure, plain] = [await startPostgres({ tls: authority.sign('db') }), await startPostgres()]
  const { postgresql } = await import('../../../src/scaling/sources/postgresql.ts')
  const measure = async (server: DatabaseServer, sslmode: string) => {
    const connection = `postgresql://${server.user}:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/${server.database}?sslmode=${sslmode}`
    const query = 'SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
    const source = postgresql.open(
      triggerConfig({ type: 'postgresql', metadata: { query }, authentication: { connection } }),
      sourceContext(),
    )
    const said = await source.measure(AbortSignal.timeout(5_000)).then(
      (reading) => (reading.kind === 'values' ? reading.metrics[0]?.value : undefined),
      (error) => error.code as string,
    )
    await source.close()
    return said
  }
  try {
    for (const [server, sslmode, want] of [
      [secure, 'disable', 0],
      [secure, 'prefer', 1],
      [secure, 'require', 1],
      [secure, 'verify-full', 'Unreachable'],
      [secure, 'verify-ca', 'Unreachable'],
      [plain, 'disable', 0],
      [plain, 'require', 'Unreachable'],
      [plain, 'prefer', 0],
      [plain, 'allow', 0],
    ] as const)
      assert.is(await measure(server, sslmode), want, sslmode)
  } finally {
    await secure.stop()
    await plain.stop()
    directory.remove()
  }
})

more.run()

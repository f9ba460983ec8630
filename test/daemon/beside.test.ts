/** On one machine, without a listener: files go to and from an instance, and its ports are forwarded, while instances come and go. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

interface Context {
  home: Home
  daemon: Running
}

const test = suite<Context>('beside')
test.before.each(async (context) => {
  context.home = createHome()
  context.daemon = await new Running(context.home, ['up', '--runtime', 'process']).says(/is ready after/)
})
test.after.each(async ({ home, daemon }) => {
  await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
})

const PROGRAM = `require('node:http').createServer((q, r) => r.end(String(process.pid))).listen(Number(process.env.PORT))`

function manifest(folder: string): string {
  return JSON.stringify({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      template: {
        source: { command: [process.execPath, '-e', PROGRAM], workingDir: folder },
        ports: [{ name: 'http' }],
        readiness: { http: { port: 'http' }, period: '200ms' },
      },
    },
  })
}

test('exec ends with the exit code of the command, or with that of a shell which cannot execute it', async ({
  home,
}) => {
  assert.is((await home.run(['apply', '-f', '-'], { stdin: manifest(home.folder) })).code, 0)
  assert.is((await home.run(['wait', '--for=condition=Ready', 'service/web', '--timeout', '20s'])).code, 0)
  for (const [command, code, stderr] of [
    [['sh', '-c', 'exit 7'], 7, ''],
    [['no-such-program'], 127, "no-such-program: not found in the program's PATH\n"],
    [['/no/such'], 127, '/no/such: not found\n'],
    [['/etc/passwd'], 126, '/etc/passwd: cannot be executed\n'],
  ] as const) {
    const ended = await home.run(['exec', 'web-0', '--', ...command])
    assert.equal([ended.code, ended.stderr], [code, stderr])
  }
})

test('cp and port-forward', async ({ home }) => {
  const nsctl = async (words: readonly string[], stdin?: string) => {
    const { code, stdout, stderr } = await home.run(words, stdin === undefined ? {} : { stdin })
    assert.is(code, 0, `nsctl ${words.join(' ')}: ${stderr}`)
    return stdout
  }
  await nsctl(['apply', '-f', '-'], manifest(home.folder))
  await nsctl(['wait', '--for=condition=Ready', 'service/web', '--timeout', '20s'])

  home.write('tree/sub/file', 'content')
  await nsctl(['cp', 'tree', 'web-0:copied'])
  assert.is(readFileSync(join(home.folder, 'copied/sub/file'), 'utf8'), 'content')
  await nsctl(['cp', 'web-0:copied', 'back'])
  assert.ok(statSync(join(home.folder, 'back/sub')).isDirectory())
  await nsctl(['cp', '-', 'web-1:said'], 'by me')
  assert.is(await nsctl(['cp', 'default/web-1:said', '-']), 'by me')
  const both = await home.run(['cp', 'web-0:a', 'web-1:b'])
  assert.equal([both.code, both.stderr.includes('one of the two is of an instance')], [2, true])

  const forwarding = new Running(home, ['port-forward', 'service/web', ':http'])
  await forwarding.says(/Forwarding from 127\.0\.0\.1:\d+ -> http/)
  const url = `http://127.0.0.1:${/1:(\d+) ->/.exec(forwarding.output)?.[1]}/`
  const pid = async () => Number(await (await fetch(url, { headers: { connection: 'close' } })).text())
  const first = await pid()
  process.kill(first, 'SIGKILL')
  const second = await until(async () => {
    const found = await pid()
    assert.is.not(found, first)
    return found
  })
  assert.ok(second > 0)
  assert.is(await forwarding.stop('SIGINT'), 0)

  const refused = await home.run(['port-forward', 'web-0', '8080:https'])
  assert.is(refused.code, 1)
  assert.match(refused.stderr, /has no port https[\s\S]*it has http/)
})

test.run()

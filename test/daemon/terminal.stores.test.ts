/** A shell beside a program of another machine, at a real terminal on both sides. */
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from '../commands/nsctl.ts'
import { startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { NSCTL, Running, until } from './processes.ts'

const SERVICE = `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec: {template: {source: {command: [sleep, '1000']}}}
`

needs(
  test,
  canFetchDebs(),
  'Debian packages',
)('exec -it has the size of the terminal, hands on Ctrl-C, and leaves the terminal as it was', async () => {
  const consul = await startConsul()
  const store = `consul://${consul.servers[0]!.address}/terminal`
  const [machine, elsewhere] = [createHome(), createHome()]
  const up = new Running(machine, ['up', '--runtime', 'process', '--own', '--store', store, '--node', 'n1'])
  const nsctl = (...words: readonly string[]) => machine.run([...words, '--store', store])
  try {
    await up.says(/is ready after/, 30_000)
    machine.write('web.yaml', SERVICE)
    await nsctl('apply', '-f', 'web.yaml')
    await nsctl('wait', '--for=condition=Ready', 'service/web', '--timeout', '20s')
    await until(async () =>
      assert.match((await nsctl('get', 'node', 'n1', '-o', 'json')).stdout, '"listener"'),
    )
    mkdirSync(elsewhere.state, { recursive: true })
    copyFileSync(join(machine.state, 'identity'), join(elsewhere.state, 'identity'))
    const exec = `${NSCTL} exec -it web-0 --store ${store} -- sh -c 'stty size; exec sh'`
    const line = `stty rows 31 cols 99; ${exec}; echo "after $?"; stty -a | grep -o " -*icanon"`
    const env = {
      ...{ PATH: process.env.PATH, HOME: elsewhere.folder, NSCTL_HOME: elsewhere.state },
      ...{ TERM: 'xterm', SHELL: '/bin/sh' },
    }
    const terminal = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    let shown = ''
    terminal.stdout.on('data', (bytes) => {
      shown += bytes
    })
    const said = (what: RegExp) => until(() => assert.match(shown, what))
    await said(/31 99\r+\n/)
    terminal.stdin.write('echo it is $((40 + 2)) $TERM; sleep 1000\r')
    await said(/it is 42 xterm/)
    terminal.stdin.write('\x03')
    await said(/\^C/)
    terminal.stdin.write('exit 4\r')
    await said(/after 4\s+icanon/)
  } finally {
    await up.stop('SIGTERM')
    await consul.stop()
    for (const home of [machine, elsewhere]) home.remove()
  }
})

test.run()

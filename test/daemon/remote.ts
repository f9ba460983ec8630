/** What processes of nsctl do over a store on other machines: the same for each engine. */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

const APPLIES = 200
/** Enough at a time to keep a store busy, and each a process of its own. */
const AT_ONCE = 4

/** Adds the tests to `test`; `url` makes one of a store that nobody has used. */
export function remoteTests(test: Test, url: () => string): void {
  test('of three controllers one leads, and another within 5 s of its kill -9', async () => {
    const home = createHome()
    const words = ['controller', '--store', url()]
    const processes: Running[] = []
    const start = (said: RegExp) => {
      const one = new Running(home, words)
      processes.push(one)
      return one.says(said)
    }
    try {
      const leader = await start(/leading, term 1/)
      await start(/standing by for pid/)
      await start(/standing by for pid/)
      await leader.stop('SIGKILL')
      const led = () => processes.filter((one) => one.output.includes('leading, term 2'))
      await until(() => assert.is(led().length, 1), 5_000)
      await led()[0]!.stop('SIGTERM')
      const next = () => processes.filter((one) => one.output.includes('leading, term 3'))
      await until(() => assert.is(next().length, 1), 5_000)
    } finally {
      for (const one of processes) await one.stop('SIGKILL')
      home.remove()
    }
  })

  test(`kill -9 in the middle of ${APPLIES} applies: what was said is there, all else is whole or absent`, async () => {
    const home = createHome()
    const store = ['--store', url()]
    try {
      const tally = { said: 0, killed: 0, there: 0 }
      const names = Array.from({ length: APPLIES }, (_, n) => `s-${n}`)
      const said = new Set<string>()
      const one = async (name: string, n: number) => {
        home.write(`${name}.yaml`, manifest(name))
        const applying = new Running(home, ['apply', '-f', `${name}.yaml`, ...store])
        // every other one is killed at another moment of its life
        const killing =
          n % 2 === 0 ? setTimeout(() => applying.child.kill('SIGKILL'), 20 + ((n * 7) % 120)) : undefined
        const code = await applying.ended
        clearTimeout(killing)
        if (code === null) tally.killed++
        if (applying.output.includes(`service/${name} created`)) said.add(name)
        else assert.is(code, null, applying.output)
      }
      for (let at = 0; at < names.length; at += AT_ONCE)
        await Promise.all(names.slice(at, at + AT_ONCE).map((name, index) => one(name, at + index)))
      tally.said = said.size
      const there = await objectsOf(home, store)
      tally.there = there.size
      for (const name of said) assert.ok(there.has(name), `${name} was created, and is not there`)
      const checked = await home.run(['store', 'check', ...store])
      assert.is(checked.code, 0, checked.stdout)
      // each can be gone on with: nothing is half there
      for (const name of names.filter((one) => !said.has(one)).slice(0, 20)) {
        const again = await home.run(['apply', '-f', `${name}.yaml`, ...store])
        assert.is(again.code, 0, again.stderr)
        assert.match(again.stdout, there.has(name) ? 'unchanged' : 'created')
      }
      assert.ok(tally.killed > 0 && tally.said > 0, JSON.stringify(tally))
      console.log(
        `applies ${APPLIES}, killed ${tally.killed}, said ${tally.said}, there ${tally.there}, lost 0`,
      )
    } finally {
      home.remove()
    }
  })

  test('down ends the daemon, and what it runs on this machine', async () => {
    const home = createHome()
    const at = url()
    const daemon = new Running(home, ['up', '--runtime', 'process', '--store', at])
    try {
      await daemon.says(/is ready after/)
      home.write('it.yaml', manifest('it'))
      assert.is((await home.run(['apply', '-f', 'it.yaml', '--store', at])).code, 0)
      const waited = await home.run(['wait', '--for=condition=Ready', 'service/it', '--store', at])
      assert.is(waited.code, 0, waited.stderr)
      const down = await home.run(['down', '--store', at])
      assert.is(down.code, 0, down.stderr)
      assert.match(down.stdout, `stopped the daemon (pid ${daemon.child.pid})`)
      assert.match(down.stdout, 'ended every workload')
      assert.is(await daemon.ended, 0)
      const again = await home.run(['down', '--store', at])
      assert.match(again.stdout, 'nothing was running')
    } finally {
      await daemon.stop('SIGKILL')
      await home.run(['down', '--store', at])
      home.remove()
    }
  })
}

function manifest(name: string): string {
  return `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: ${name}}
spec: {template: {source: {command: [sleep, '1000']}}}
`
}

async function objectsOf(home: Home, store: readonly string[]): Promise<ReadonlySet<string>> {
  const { code, stdout, stderr } = await home.run(['get', 'services', '-o', 'json', ...store])
  assert.is(code, 0, stderr)
  const { items } = JSON.parse(stdout) as { readonly items: readonly { metadata: { name: string } }[] }
  return new Set(items.map(({ metadata }) => metadata.name))
}

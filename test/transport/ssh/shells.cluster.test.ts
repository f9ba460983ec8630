/** A command arrives the same whatever the user's login shell is: even one that reads quotes in its own way. */
import { chmodSync, copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { openSshTransport } from '../../../src/transport/ssh/transport.ts'
import { extractDeb, serverDirectory } from '../../lab/servers.ts'
import { canRunSshd, startSshd } from '../../lab/sshd.ts'
import { needs } from '../../parts.ts'
import { isAlive, until } from '../contract.ts'

const real = needs(test, canRunSshd, 'root and Debian packages (for sshd)')

/** A copy of a shell that everybody may run, with the libraries that it brings. */
async function installShell(name: string, libraries: readonly string[]) {
  const directory = serverDirectory('shell')
  chmodSync(directory.path, 0o755)
  const root = await extractDeb('bookworm', name)
  const program = [`bin/${name}`, `usr/bin/${name}`]
    .map((path) => join(root, path))
    .find(existsSync) as string
  copyFileSync(program, join(directory.path, name))
  for (const library of libraries) {
    const folder = join(await extractDeb('bookworm', library), 'usr/lib/x86_64-linux-gnu')
    for (const file of readdirSync(folder)) copyFileSync(join(folder, file), join(directory.path, file))
  }
  const wrapper = join(directory.path, 'shell')
  const script = `#!/bin/sh\nLD_LIBRARY_PATH=${directory.path} exec ${join(directory.path, name)} "$@"\n`
  writeFileSync(wrapper, script, { mode: 0o755 })
  return { wrapper, remove: directory.remove }
}

for (const { name, libraries } of [
  { name: 'tcsh', libraries: [] },
  { name: 'zsh', libraries: [] },
  { name: 'fish', libraries: ['libpcre2-32-0'] },
])
  real(`words arrive through ${name}`, async () => {
    const shell = await installShell(name, libraries)
    const server = await startSshd({ shell: shell.wrapper })
    const transport = await openSshTransport({
      target: {
        host: '127.0.0.1',
        port: server.port,
        user: 'tester',
        identity: { file: server.keyFile },
        hostKey: { kind: 'pinned', keys: [server.hostKey] },
      },
      clock: systemClock,
      signal: AbortSignal.timeout(20_000),
    })
    try {
      const signal = AbortSignal.timeout(60_000)
      const word = fc.oneof(
        fc
          .string({ unit: 'binary', maxLength: 20 })
          .filter((text) => !text.includes('\0') && text.isWellFormed()),
        fc.constantFrom(
          "it's",
          '\\',
          "\\'",
          '\\\\',
          '!!',
          '!x',
          '$HOME',
          '(date)',
          '{a,b}',
          '~',
          '*',
          '%1',
          '=ls',
          '^a^b',
          '\n',
          '',
          '#',
          '&',
          ';',
          '"',
        ),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 6 }), word, async (words, value) => {
          const argv = ['sh', '-c', 'printf "%s\\0" "$V" "$@"', 'sh', ...words] as const
          const { stdout, stderr } = await transport.run({ argv, env: { V: value } }, { signal })
          assert.equal(stdout.toString().split('\0').slice(0, -1), [value, ...words])
          assert.is(stderr.toString(), '')
        }),
        { numRuns: 60 },
      )
      const controller = new AbortController()
      const command = await transport.spawn({ argv: ['sh', '-c', 'echo $$; sleep 60'] }, controller.signal)
      command.stderr.resume()
      const pid = await new Promise<number>((resolve) =>
        command.stdout.once('data', (data) => resolve(Number(data))),
      )
      controller.abort(new Error('enough'))
      await until(() => !isAlive(pid), 'what was called off is gone')
    } finally {
      await transport.close()
      await server.kill()
      shell.remove()
    }
  })

test.run()

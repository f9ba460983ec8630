/** The transport's contract over a real sshd: as root and as another user, through other servers, and with other shells. */
import { test } from 'uvu'
import { systemClock } from '../../../src/core/clock.ts'
import type { Hop } from '../../../src/transport/ssh/hop.ts'
import { openSshTransport } from '../../../src/transport/ssh/transport.ts'
import { canRunSshd, type Sshd, startSshd } from '../../lab/sshd.ts'
import { needs } from '../../parts.ts'
import { transportContract } from '../contract.ts'

const real = needs(test, canRunSshd, 'root and Debian packages (for sshd)')
const servers: Promise<Sshd>[] = []
test.after(async () => {
  for (const server of servers) await (await server).kill()
})

for (const { name, user, shell, hops, config } of [
  { name: 'ssh as root', user: 'root', hops: 1 },
  { name: 'ssh as a user', user: 'tester', shell: '/bin/sh', hops: 1 },
  { name: 'ssh through two others', user: 'tester', hops: 3 },
  // keys are exchanged anew in the midst of everything
  { name: 'ssh with four sessions', user: 'root', hops: 1, config: ['MaxSessions 4', 'RekeyLimit 512K'] },
]) {
  let started: Promise<Sshd> | undefined
  const server = () => {
    if (started === undefined) {
      started = startSshd({ ...(shell && { shell }), ...(config && { config }) })
      servers.push(started)
    }
    return started
  }
  transportContract(
    real,
    name,
    async () => {
      const hop = hopTo(await server(), user)
      const transport = await openSshTransport({
        target: hop,
        jumps: Array.from({ length: hops - 1 }, () => hop),
        clock: systemClock,
        signal: AbortSignal.timeout(20_000),
      })
      return { transport, dispose: () => transport.close() }
    },
    (dispose) => test.after(dispose),
  )
}

function hopTo({ port, keyFile, hostKey }: Sshd, user: string): Hop {
  return {
    host: '127.0.0.1',
    port,
    user,
    identity: { file: keyFile },
    hostKey: { kind: 'pinned', keys: [hostKey] },
  }
}

test.run()

/** What a real sshd does to us: who it is, whom it lets in, what it forbids, and how it goes. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { keepConnected } from '../../../src/transport/kept.ts'
import type { Hop } from '../../../src/transport/ssh/hop.ts'
import type { HostKeyPolicy } from '../../../src/transport/ssh/host-keys.ts'
import type { IdentitySettings } from '../../../src/transport/ssh/identities.ts'
import { openSshTransport, type SshOptions } from '../../../src/transport/ssh/transport.ts'
import { sshKeygen } from '../../lab/age.ts'
import { canRunSshd, type Sshd, type SshdOptions, startSshd } from '../../lab/sshd.ts'
import { needs } from '../../parts.ts'
import { isAlive, rejection, until } from '../contract.ts'

const real = needs(test, canRunSshd, 'root and Debian packages (for sshd)')
const disposals: (() => unknown)[] = []
test.after(async () => {
  for (const dispose of disposals.reverse()) await dispose()
})

async function sshd(options: SshdOptions = {}) {
  const server = await startSshd(options)
  disposals.push(() => server.kill())
  return server
}

interface To {
  readonly user?: string
  readonly identity?: IdentitySettings
  readonly hostKey?: HostKeyPolicy
}

function hopTo({ port, keyFile, hostKey }: Sshd, to: To = {}): Hop {
  return {
    host: '127.0.0.1',
    port,
    user: to.user ?? 'tester',
    identity: to.identity ?? { file: keyFile },
    hostKey: to.hostKey ?? { kind: 'pinned', keys: [hostKey] },
  }
}

async function open(target: Hop, more: Partial<SshOptions> = {}) {
  const transport = await openSshTransport({
    target,
    clock: systemClock,
    signal: AbortSignal.timeout(20_000),
    ...more,
  })
  disposals.push(() => transport.close())
  return transport
}

const limit = () => ({ signal: AbortSignal.timeout(20_000) })

real('a machine is known by a file as ssh itself writes it, hashed', async () => {
  const server = await sshd()
  const file = join(server.directory, 'known_hosts')
  const common = [
    '-F',
    'none',
    '-i',
    server.keyFile,
    '-p',
    String(server.port),
    '-o',
    `UserKnownHostsFile=${file}`,
  ]
  const options = ['-o', 'StrictHostKeyChecking=accept-new', '-o', 'HashKnownHosts=yes']
  const policy: HostKeyPolicy = { kind: 'known-hosts', files: [file] }
  const unknown = (await rejection(open(hopTo(server, { hostKey: policy })))) as NsctlError
  assert.ok(isNsctlError(unknown, 'Denied'), String(unknown))
  assert.match(unknown.message, 'and it is not known')
  const printed = spawnSync('ssh-keygen', ['-lf', `${server.hostKeyFile}.pub`]).stdout.toString()
  assert.match(printed, String(unknown.value))
  assert.is(spawnSync('ssh', [...common, ...options, 'tester@127.0.0.1', 'true']).status, 0)
  assert.match(readFileSync(file, 'utf8'), /^\|1\|/)
  const transport = await open(hopTo(server, { hostKey: policy }))
  assert.is(transport.hostKey.line, server.hostKey)
  assert.is(transport.name, `ssh tester@127.0.0.1:${server.port}`)
})

real('the command that it names makes it known', async () => {
  const server = await sshd()
  const file = join(server.directory, 'known_hosts')
  const policy: HostKeyPolicy = { kind: 'known-hosts', files: [file] }
  const unknown = (await rejection(open(hopTo(server, { hostKey: policy })))) as NsctlError
  const command = /from now on: (echo .*)$/.exec(unknown.next ?? '')?.[1] as string
  assert.is(spawnSync('sh', ['-c', command]).status, 0)
  assert.is(
    (await (await open(hopTo(server, { hostKey: policy }))).run({ argv: ['true'] }, limit())).exitCode,
    0,
  )
})

real('a machine that is another than before is sent nothing', async () => {
  const server = await sshd()
  const file = join(server.directory, 'known_hosts')
  await sshKeygen(join(server.directory, 'other'))
  const other = readFileSync(join(server.directory, 'other.pub'), 'utf8')
  writeFileSync(file, `[127.0.0.1]:${server.port} ${other}`)
  const error = (await rejection(
    open(hopTo(server, { hostKey: { kind: 'known-hosts', files: [file] } })),
  )) as NsctlError
  assert.match(error.message, 'IS NOT THE ONE THAT IT HAD')
  assert.not.match(server.log(), /publickey|userauth|tester/)
})

real('a machine known by its second key is asked for that one', async () => {
  const server = await sshd()
  const second = join(server.directory, 'second')
  assert.is(spawnSync('ssh-keygen', ['-t', 'rsa', '-b', '2048', '-N', '', '-q', '-f', second]).status, 0)
  const both = await sshd({ config: [`HostKey ${second}`] })
  const line = readFileSync(`${second}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')
  const transport = await open(hopTo(both, { hostKey: { kind: 'pinned', keys: [line] } }))
  assert.is(transport.hostKey.type, 'ssh-rsa')
})

real(
  'logs in by a real agent: with a locked key, with the right one of many, and with the first that fits',
  async () => {
    const server = await sshd()
    const socket = join(server.directory, 'agent')
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
    disposals.push(() => agent.kill())
    await until(() => existsSync(socket), 'the agent listens')
    const add = (file: string) =>
      assert.is(
        spawnSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).status,
        0,
      )
    // more keys than the server lets anybody try
    for (let index = 0; index < 7; index++) {
      await sshKeygen(join(server.directory, `other-${index}`))
      add(join(server.directory, `other-${index}`))
    }
    add(server.keyFile)
    assert.is(spawnSync('ssh-keygen', ['-p', '-N', 'open sesame', '-q', '-f', server.keyFile]).status, 0)
    const locked = (await rejection(open(hopTo(server)))) as NsctlError
    assert.match(locked.message, 'is protected by a passphrase')
    const many = (await rejection(open(hopTo(server, { identity: { agentSocket: socket } })))) as NsctlError
    assert.ok(isNsctlError(many, 'Denied'), String(many))
    assert.match(many.next ?? '', 'where an agent holds many keys, name the one to use')
    const transport = await open(hopTo(server, { identity: { file: server.keyFile, agentSocket: socket } }))
    assert.is((await transport.run({ argv: ['id', '-un'] }, limit())).stdout.toString(), 'tester\n')
    spawnSync('ssh-add', ['-qD'], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
    const gone = (await rejection(
      open(hopTo(server, { identity: { file: server.keyFile, agentSocket: socket } })),
    )) as NsctlError
    assert.match(gone.message, 'does not let us in with any of our keys')
  },
)

real('a key that it does not know is refused, and it says what it would take', async () => {
  const server = await sshd()
  await sshKeygen(join(server.directory, 'stranger'))
  const error = (await rejection(
    open(hopTo(server, { identity: { file: join(server.directory, 'stranger') } })),
  )) as NsctlError
  assert.ok(isNsctlError(error, 'Denied'), String(error))
  assert.match(error.message, `tester@127.0.0.1:${server.port} does not let us in with any of our keys`)
  assert.match(error.message, 'it takes publickey')
})

real('forwarding that is forbidden is told from what does not answer', async () => {
  const server = await sshd({ config: ['AllowTcpForwarding no', 'AllowStreamLocalForwarding no'] })
  const transport = await open(hopTo(server))
  const port = (await rejection(
    transport.connect({ host: '127.0.0.1', port: server.port }, limit().signal),
  )) as NsctlError
  assert.ok(isNsctlError(port, 'Denied'), String(port))
  assert.match(port.next ?? '', 'AllowTcpForwarding')
  const socket = (await rejection(
    transport.connect({ socketPath: '/run/nobody' }, limit().signal),
  )) as NsctlError
  assert.match(socket.next ?? '', 'sshd_config allows it', String(socket))
  const through = (await rejection(open(hopTo(server), { jumps: [hopTo(server)] }))) as NsctlError
  assert.match(through.message, 'does not let us through')
  assert.is((await transport.run({ argv: ['true'] }, limit())).exitCode, 0)
})

real('no secret given on stdin or in a file is seen among the processes', async () => {
  const server = await sshd()
  const transport = await open(hopTo(server))
  const secret = 'hunter2-of-this-test'
  const seen = async (during: Promise<unknown>) => {
    let [isDone, looks] = [false, 0]
    void during.finally(() => {
      isDone = true
    })
    while (!isDone) {
      const { stdout } = spawnSync(
        'sh',
        ['-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null'],
        { maxBuffer: 1 << 26 },
      )
      assert.not(stdout.includes(secret))
      looks++
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(looks > 0)
  }
  await seen(
    transport.run({ argv: ['sh', '-c', 'cat >/dev/null; sleep 0.3'] }, { ...limit(), stdin: secret }),
  )
  await seen(
    transport.putFile(join(server.home, 'secret'), secret.repeat(100_000), { ...limit(), mode: 0o600 }),
  )
})

real('a transfer that is cut off puts nothing in place', async () => {
  const server = await sshd()
  const file = join(server.home, 'file')
  const checker = await open(hopTo(server))
  const content = Buffer.alloc(20_000_000, 'n')
  let cutOff = 0
  for (const afterMs of [0, 2, 5, 10, 20, 40, 80]) {
    const transport = await open(hopTo(server))
    await transport.putFile(file, 'old', { ...limit(), mode: 0o644 })
    const putting = transport.putFile(file, content, { ...limit(), mode: 0o644 }).then(
      () => undefined,
      (error: unknown) => error,
    )
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await transport.close()
    const error = await putting
    if (error !== undefined) assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    // the shell there may still be at it
    await until(() => !spawnSync('pgrep', ['-f', file]).stdout.toString().trim(), 'it has ended')
    const found = (await checker.getFile(file, { ...limit(), maxBytes: content.length })) as Buffer
    const isOld = found.equals(Buffer.from('old'))
    if (isOld) cutOff++
    // the last bytes may have been on their way already
    assert.ok(isOld || (found.equals(content) && afterMs > 5), `${found.length} bytes after ${afterMs} ms`)
    const parts = () => spawnSync('sh', ['-c', `ls ${file}.*`]).stdout.toString()
    await until(() => parts() === '', 'nothing is left of it')
  }
  assert.ok(cutOff >= 3, `cut off ${cutOff} times`)
})

real('a server that is frozen is known to be dead, also behind another', async () => {
  const [near, far] = [await sshd(), await sshd()]
  const limits = { keepaliveMs: 500, keepaliveMisses: 3 }
  const direct = await open(hopTo(far), { limits })
  const behind = await open(hopTo(far), { limits, jumps: [hopTo(near)] })
  const files = [join(far.home, 'direct'), join(far.home, 'behind')]
  const running = [direct, behind].map((transport, index) => {
    const argv = [
      'sh',
      '-c',
      'echo $$ >"$1.part"; mv "$1.part" "$1"; exec sleep 60',
      'sh',
      files[index] as string,
    ] as const
    return rejection(transport.run({ argv }, limit()))
  })
  await until(() => files.every((file) => existsSync(file)), 'both run')
  const pids = files.map((file) => Number(readFileSync(file, 'utf8')))
  const at = performance.now()
  far.freeze()
  try {
    for (const transport of [direct, behind]) {
      const reason = await transport.ended
      assert.match(reason?.message ?? '', `tester@127.0.0.1:${far.port} ended: it does not answer any more`)
    }
    assert.ok(performance.now() - at < 8_000)
    for (const error of await Promise.all(running))
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
  } finally {
    far.thaw()
    for (const pid of pids) process.kill(pid, 'SIGKILL')
  }
})

real('a server on the way that dies takes what is behind it along, and says which it was', async () => {
  const [near, far] = [await sshd(), await sshd()]
  const transport = await open(hopTo(far), { jumps: [hopTo(near)] })
  const server = createServer((socket) => socket.write('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const stream = await transport.connect({ host: '127.0.0.1', port }, limit().signal)
  const broken = new Promise((resolve) => stream.once('error', resolve))
  stream.resume()
  await near.kill()
  const reason = await transport.ended
  assert.ok(isNsctlError(reason, 'Unreachable'))
  assert.match(reason.message, `tester@127.0.0.1:${near.port} ended: the other side closed it`)
  assert.ok(isNsctlError(await broken, 'Unreachable'), 'a stream that was cut off is no stream that ended')
  server.close()
})

real('a connection that is kept comes back with its server, and repeats nothing', async () => {
  const first = await sshd()
  const hop = hopTo(first)
  const kept = keepConnected({
    name: 'n1',
    open: (signal) => openSshTransport({ target: hop, clock: systemClock, signal }),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  })
  disposals.push(() => kept.close())
  const ledger = join(first.home, 'ledger')
  const argv = ['sh', '-c', 'echo x >>"$1"; sleep 30', 'sh', ledger] as const
  const running = rejection(kept.run({ argv }, limit()))
  await until(() => existsSync(ledger), 'it runs')
  const content = () => readFileSync(ledger, 'utf8')
  // its directory goes with it, and the command's lines with that
  const keep = {
    key: readFileSync(first.hostKeyFile),
    pub: readFileSync(`${first.hostKeyFile}.pub`),
    id: readFileSync(first.keyFile),
  }
  assert.is(content(), 'x\n')
  await first.kill()
  assert.ok(isNsctlError(await running, 'Unreachable'), String(await running))
  await until(() => kept.state().kind === 'down', 'it is down')
  const folder = first.directory
  spawnSync('mkdir', ['-p', folder])
  disposals.push(() => spawnSync('rm', ['-rf', folder]))
  for (const [name, bytes] of [
    ['host', keep.key],
    ['host.pub', keep.pub],
    ['id', keep.id],
  ] as const)
    writeFileSync(join(folder, name), bytes, { mode: 0o600 })
  spawnSync('sh', ['-c', `ssh-keygen -y -f ${folder}/id >${folder}/id.pub`])
  await sshd({
    port: first.port,
    hostKeyFile: join(folder, 'host'),
    config: [],
    authorizedKeys: join(folder, 'id.pub'),
  })
  await until(() => kept.state().kind === 'up', 'it is up again')
  assert.is((await kept.run({ argv: ['echo', 'back'] }, limit())).stdout.toString(), 'back\n')
  assert.not(existsSync(ledger), 'nothing was run again')
})

real('a command that was called off is gone, even one that ignores every signal it can', async () => {
  const server = await sshd()
  for (const user of ['root', 'tester']) {
    const transport = await open(hopTo(server, { user }))
    const controller = new AbortController()
    const command = await transport.spawn(
      { argv: ['sh', '-c', 'trap "" HUP INT TERM PIPE; echo $$; while :; do sleep 1; done'] },
      controller.signal,
    )
    command.stderr.resume()
    const pid = await new Promise<number>((resolve) =>
      command.stdout.once('data', (data) => resolve(Number(data))),
    )
    controller.abort(new Error('enough'))
    await until(() => !isAlive(pid), `${user}'s is gone`)
    await transport.close()
  }
})

real('what is called off while it begins leaves neither a process nor a session behind', async () => {
  const server = await sshd()
  const transport = await open(hopTo(server))
  const before = server.log()
  // nobody else's
  const seconds = `4242.${process.pid}`
  const attempts = Array.from({ length: 60 }, async (_, index) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), index)
    return rejection(transport.run({ argv: ['sleep', seconds] }, { signal: controller.signal }))
  })
  for (const error of await Promise.all(attempts)) assert.is((error as Error).message, 'enough')
  const left = () => spawnSync('pgrep', ['-fx', `sleep ${seconds}`]).stdout.toString()
  const all = await Promise.all(
    Array.from({ length: 20 }, () => transport.run({ argv: ['echo', 'hi'] }, limit())),
  )
  assert.ok(all.every(({ stdout }) => stdout.toString() === 'hi\n'))
  await until(() => left() === '', 'none is left')
  assert.ok(server.log().startsWith(before))
})

real('a server that allows one session gets one command after the other', async () => {
  const server = await sshd({ config: ['MaxSessions 1'] })
  const transport = await open(hopTo(server))
  const all = await Promise.all(
    Array.from({ length: 6 }, (_, index) => transport.run({ argv: ['echo', String(index)] }, limit())),
  )
  assert.is(all.map(({ stdout }) => stdout.toString()).join(''), '0\n1\n2\n3\n4\n5\n')
})

real('a server that allows none says so', async () => {
  const server = await sshd({ config: ['MaxSessions 0'] })
  const transport = await open(hopTo(server))
  const all = await Promise.all([1, 2, 3].map(() => rejection(transport.run({ argv: ['true'] }, limit()))))
  for (const error of all) {
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    assert.match((error as Error).message, 'no session can be opened')
  }
})

real('what a login shell says on its own is kept, and nothing of ours is added', async () => {
  const server = await sshd()
  const transport = await open(hopTo(server))
  for (const bytes of [10, 100_000]) {
    writeFileSync(join(server.home, '.bashrc'), `yes noise | head -c ${bytes} >&2; echo >&2\n`)
    const { stdout, stderr } = await transport.run({ argv: ['sh', '-c', 'echo out; echo err >&2'] }, limit())
    assert.is(stdout.toString(), 'out\n')
    assert.ok(
      stderr.toString().endsWith(bytes === 10 ? 'noise\nnois\nerr\n' : 'err\n'),
      stderr.toString().slice(-200),
    )
    if (bytes === 10) assert.not.match(stderr.toString(), 'nsctl:')
  }
})

test.run()

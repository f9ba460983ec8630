/** What becomes of a command whose output nobody reads any more (`nsctl exec web-0 -- yes | head -1`), here and on another node. */
import { execFileSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runBeside } from '../../src/client/beside.ts'
import type { RemoteNodes } from '../../src/client/remote.ts'
import { systemClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import type { NodeServices } from '../../src/listener/services.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { runBeside as runHere } from '../../src/runtimes/beside.ts'
import type { ExecOptions, RuntimeReader } from '../../src/runtimes/runtime.ts'
import { callerPair, never, scene } from '../listener/scene.ts'

const instance = {
  metadata: { namespace: 'default', name: 'web-0-abcde' },
  spec: { node: 'n1', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 0, template: {} },
} as unknown as AnyResource

const exec = (options: ExecOptions, signal: AbortSignal) =>
  runHere(
    options.command,
    {
      env: { PATH: process.env.PATH ?? '' },
      options,
      failed: (error) => new NsctlError('Failed', error.message),
    },
    signal,
  )

const reader = {
  exec: (_: unknown, options: ExecOptions, signal: AbortSignal) => exec(options, signal),
} as unknown as RuntimeReader

/** As a pipe whose reader went away after the first lines. */
function brokenPipe(): Writable {
  let bytes = 0
  return new Writable({
    write(chunk: Buffer, _, done) {
      bytes += chunk.length
      done(bytes > 1_000 ? Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) : null)
    },
  })
}

async function endsOf(isHere: boolean, nodes: Partial<RemoteNodes>): Promise<void> {
  const word = `nsctl-outputs-${process.pid}-${isHere ? 'here' : 'there'}`
  const streams = { stdout: brokenPipe(), stderr: new Writable({ write: (_, __, done) => done() }) }
  const open = async () => ({ isHere: async () => isHere, ...nodes }) as RemoteNodes
  const error = await runBeside(
    { openReader: async () => reader, openNodes: open },
    { instance, command: ['yes', word], stdin: false, tty: false, streams },
    AbortSignal.timeout(20_000),
  ).catch((thrown) => thrown)
  assert.is(error.code, 'EPIPE', String(error))
  for (let looks = 0; execFileSync('ps', ['-eo', 'args']).includes(word); looks++) {
    assert.ok(looks < 200, 'the command runs on')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a command on this machine is ended with its reader', () => endsOf(true, {}))

test('a command on another node is ended with its reader', async () => {
  const services: Partial<NodeServices> = {
    exec: (_, { command, stdin }, streams, signal) => exec({ command, stdin, tty: false, streams }, signal),
  }
  const { authority, as, at, close } = await scene(services)
  try {
    await endsOf(false, {
      caller: as(callerPair(authority)),
      clock: systemClock,
      addressOf: async () => at(),
    })
  } finally {
    await close()
  }
})

test('no listener is left on outputs that did not fail', async () => {
  const stdout = new Writable({ write: (_, __, done) => done() })
  const nodes = async () => ({ isHere: async () => true }) as unknown as RemoteNodes
  const request = { instance, command: ['true'] as const, stdin: false, tty: false }
  await runBeside(
    { openReader: async () => reader, openNodes: nodes },
    { ...request, streams: { stdout, stderr: stdout } },
    never,
  )
  assert.is(stdout.listenerCount('error'), 0)
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { adminShell } from '../../../src/main/bootstrap/shell.ts'
import { surveyOf } from '../../../src/main/bootstrap/survey.ts'
import { localTransport } from '../../../src/transport/local/transport.ts'
import type { Command, CommandResult, RunOptions, Transport } from '../../../src/transport/transport.ts'

const signal = AbortSignal.timeout(20_000)

/** A machine that answers the first question with `way`, and then echoes what it is to run. */
function scripted(way: string, stderr = '') {
  const asked: Command[] = []
  const run = async (command: Command, _: RunOptions): Promise<CommandResult> => {
    asked.push(command)
    const stdout = asked.length === 1 ? way : `\u001b[31mred\u0007\n\ttext\u009b`
    return {
      exitCode: asked.length > 1 && stderr !== '' ? 1 : 0,
      stdout: Buffer.from(stdout),
      stderr: Buffer.from(stderr),
    }
  }
  return { transport: { name: 'ssh a@b:22', run } as unknown as Transport, asked }
}

test('a user who is not root goes by sudo, without a password', async () => {
  const { transport, asked } = scripted('sudo\n')
  const shell = await adminShell(transport, signal)
  assert.is(
    await shell.run('echo "$1"', ['x'], { signal }),
    '\\x1b[31mred\\x07\n\ttext\\x9b',
    'and nothing that it says is painted',
  )
  assert.equal(asked[1]?.argv, ['sudo', '-n', '--', '/bin/sh', '-c', 'echo "$1"', 'nsctl-bootstrap', 'x'])
})

test('who may not is told so, and what fails is told in the machine’s words', async () => {
  try {
    await adminShell(scripted('', 'sudo: a password is required').transport, signal)
    assert.unreachable()
  } catch (error) {
    assert.match(
      (error as Error).message,
      'ssh a@b:22 does not let us act as root: sudo: a password is required',
    )
  }
  const shell = await adminShell(scripted('root\n', '\u001b]0;no room\u0007').transport, signal)
  try {
    await shell.run('false', [], { signal })
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).message, 'ssh a@b:22: \\x1b]0;no room\\x07')
  }
})

test('this machine says what it is', async () => {
  const transport = localTransport()
  const shell = {
    name: 'here',
    run: async (script: string, words: readonly string[]) => {
      const argv = ['/bin/sh', '-c', script, 'sh', ...words] as const
      return (await transport.run({ argv: argv as unknown as [string] }, { signal })).stdout.toString()
    },
  }
  const survey = await surveyOf(shell, signal)
  assert.is(survey.system, 'Linux')
  assert.ok(survey.freeBytes > 0)
  assert.is(survey.node?.version, process.versions.node)
  await transport.close()
})

test.run()

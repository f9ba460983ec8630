/** Processes that see another time of day than the machine does, and the same monotonic clock, as on a machine whose clock was set wrongly. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LabNode } from './node.ts'
import { extractDeb } from './servers.ts'

const INSIDE = '/usr/local/lib/libfaketime.so'

async function library(): Promise<string> {
  const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const root = await extractDeb('bookworm', 'libfaketime')
  return join(root, `usr/lib/${architecture}-linux-gnu/faketime/libfaketimeMT.so.1`)
}

const variables = (file: string, offset: string) => [
  `LD_PRELOAD=${file}`,
  `FAKETIME=${offset}`,
  'FAKETIME_DONT_FAKE_MONOTONIC=1',
  'DONT_FAKE_MONOTONIC=1',
]

/** Goes before a command. @param offset `+1d` */
export async function withClock(offset: string): Promise<readonly string[]> {
  return ['env', ...variables(await library(), offset)]
}

/** A unit of the node sees it from its next start on. */
export async function setClockOf(node: LabNode, unit: string, offset: string): Promise<void> {
  const encoded = readFileSync(await library()).toString('base64')
  const folder = `/etc/systemd/system/${unit}.d`
  const lines = variables(INSIDE, offset).map((one) => `Environment=${one}`)
  const dropIn = `[Service]\n${lines.join('\n')}\n`
  for (const [command, input] of [
    [`mkdir -p ${folder} ${INSIDE.slice(0, INSIDE.lastIndexOf('/'))} && base64 -d >${INSIDE}`, encoded],
    [`cat >${folder}/clock.conf && systemctl daemon-reload`, dropIn],
  ] as const) {
    const { code, stderr } = await node.exec(['sh', '-c', command], { input })
    if (code !== 0) throw new Error(`the clock of ${unit} cannot be set: ${stderr}`)
  }
}

/** What processes that run until they are stopped have in common. */
import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import type { Logger, LogLevel } from '../core/logger.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { CommandContext } from './context.ts'

export const daemonFlags = {
  'metrics-port': Flags.integer({
    summary: 'Serve /metrics and /healthz on this loopback port.',
    min: 0,
    max: 65535,
  }),
  'webhook-port': Flags.integer({
    summary: 'Take events that are pushed to triggers on this loopback port, under /hooks/.',
    min: 0,
    max: 65535,
  }),
  'node-grace': Flags.string({
    helpValue: '15s',
    summary:
      'While it leads: a node that is silent for so long is lost, and what ran there is replaced; 15s if left out.',
  }),
  'log-level': Flags.string({
    options: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    summary: 'What to log.',
  }),
  'log-format': Flags.string({ options: ['text', 'json'], default: 'text', summary: 'How to log.' }),
}

/** Renewals come every 4 s, and one or two may be late without anything being wrong. */
const LEAST_GRACE_MS = 5_000

/** What `--node-grace` says, for the controllers. @throws NsctlError Usage */
export function nodeGrace(flags: { readonly 'node-grace': string | undefined }): {
  readonly nodeGraceMs?: number
} {
  const text = flags['node-grace']
  if (text === undefined) return {}
  const nodeGraceMs = parseDurationMs(text)
  if (nodeGraceMs >= LEAST_GRACE_MS) return { nodeGraceMs }
  throw new NsctlError('Usage', `--node-grace is at least 5s, not ${text}: a node is heard of every 4 s`, {
    value: text,
  })
}

/** The logger that those flags ask for, on standard error. */
export async function daemonLogger(
  flags: { readonly 'log-level': string; readonly 'log-format': string },
  { clock, stderr }: Pick<CommandContext, 'clock' | 'stderr'>,
): Promise<Logger> {
  const { createLogger } = await import('../main/logger.ts')
  return createLogger({
    clock,
    level: flags['log-level'] as LogLevel,
    format: flags['log-format'] as 'text' | 'json',
    write: (line) => stderr.write(line),
  })
}

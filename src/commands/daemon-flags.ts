/** What processes that run until they are stopped have in common. */
import * as Flags from '@oclif/core/flags'
import type { Logger, LogLevel } from '../core/logger.ts'
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
  'log-level': Flags.string({
    options: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    summary: 'What to log.',
  }),
  'log-format': Flags.string({ options: ['text', 'json'], default: 'text', summary: 'How to log.' }),
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

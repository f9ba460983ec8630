/** This process's own terminal, for a command that runs elsewhere. */
import type { ProcessStreams, Terminal } from '../transport/process-streams.ts'
import type { ExecRequest } from './client.ts'

/** Runs `work` with the streams of the request, or this process's; a terminal hands on each key until that has ended. */
export async function atThisTerminal<T>(
  { streams, stdin, tty }: Pick<ExecRequest, 'streams' | 'stdin' | 'tty'>,
  work: (streams: ProcessStreams) => Promise<T>,
): Promise<T> {
  if (streams !== undefined) return await work(streams)
  const input = process.stdin
  const isRaw = tty && input.isTTY === true
  if (isRaw) input.setRawMode(true)
  try {
    return await work({
      stdout: process.stdout,
      stderr: process.stderr,
      ...(stdin || tty ? { stdin: input } : {}),
      ...(tty ? { terminal: ownTerminal() } : {}),
    })
  } finally {
    if (isRaw) input.setRawMode(false)
    input.pause()
  }
}

function ownTerminal(): Terminal {
  const { stdout } = process
  return {
    type: process.env.TERM || 'dumb',
    size: () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }),
    onResize(listener) {
      stdout.on('resize', listener)
      return () => stdout.off('resize', listener)
    },
  }
}

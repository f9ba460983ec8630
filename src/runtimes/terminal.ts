/**
 * A terminal for a command whose user is elsewhere. Node has none to give, and a native module would have to be built for each machine:
 * `script` of util-linux, which every Debian and every NixOS has, makes one and carries what goes through it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import type { Terminal, TerminalSize } from '../transport/process-streams.ts'
import { findTool } from './tools.ts'

/** Runs `command` on a terminal of that size; `env` is the command's. To be started with SHELL=/bin/sh. @throws NsctlError Unsupported */
export function terminalCommand(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  terminal: Terminal,
): readonly [string, ...string[]] {
  const { SHELL: shell } = env
  const own = shell === undefined ? 'unset SHELL' : `SHELL=${quote(shell)}; export SHELL`
  const type = `TERM=${quote(terminal.type)}; export TERM`
  const size = [findTool('stty'), ...sizeWords(terminal.size())].map(quote).join(' ')
  const line = `${size} 2>/dev/null; ${own}; ${type}; exec ${command.map(quote).join(' ')}`
  return [findTool('script'), '--quiet', '--return', '--flush', '--command', line, '/dev/null']
}

/** Gives the terminal of `script` the size of the user's, each time that changes. Returns what ends that. */
export function followSize(script: ChildProcess, terminal: Terminal): () => void {
  return terminal.onResize(() => {
    const path = terminalOf(script.pid)
    if (path === undefined) return
    const stty = spawn(findTool('stty'), ['-F', path, ...sizeWords(terminal.size())], { stdio: 'ignore' })
    stty.on('error', () => {})
  })
}

/** What its child has for standard input. */
function terminalOf(pid: number | undefined): string | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    const path = readlinkSync(`/proc/${child}/fd/0`)
    return path.startsWith('/dev/pts/') ? path : undefined
  } catch {
    // it has ended, or has not begun
    return undefined
  }
}

function sizeWords({ rows, columns }: TerminalSize): readonly string[] {
  return ['rows', String(rows), 'cols', String(columns)]
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

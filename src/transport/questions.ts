/** Small questions to a machine, all of one moment in one command: a round trip costs more than a hundred answers. */
import { NsctlError } from '../core/errors.ts'
import type { CommandResult, Transport } from './transport.ts'
import { word } from './words.ts'

/**
 * What can be asked of a path:
 * - `realpath`: it without links; as it is where it is not there
 * - `first-line`: of a script, with its `#!`; nothing for any other file
 * - `executable`: `yes` for a file that may be executed
 * - `folder`: `yes` for one
 * And of the machine, whatever the path: `sockets`, its tables of them.
 */
export type Question = 'realpath' | 'first-line' | 'executable' | 'folder' | 'sockets'

/** Reads `question path` lines, the path as printf's %b takes it; answers each, in order, with a zero byte at its end. */
const ANSWER = `
while read -r question path; do
  path=$(printf '%b_' "$path"); path=\${path%_}
  case $question in
    realpath) { [ -e "$path" ] && readlink -f -- "$path"; } || printf '%s\\n' "$path" ;;
    first-line) [ ! -f "$path" ] || head -c 256 -- "$path" 2>/dev/null | tr -d '\\0' | sed -n '1{/^#!/p;}' ;;
    executable) [ ! -f "$path" ] || [ ! -x "$path" ] || echo yes ;;
    folder) [ ! -d "$path" ] || echo yes ;;
    sockets) for table in tcp tcp6 udp udp6; do [ ! -e /proc/net/$table ] || { echo "table $table"; cat /proc/net/$table; }; done ;;
  esac
  printf '\\0'
done
`

interface Asked {
  readonly line: string
  readonly resolve: (answer: string) => void
  readonly reject: (error: unknown) => void
}

export class Questions {
  readonly #transport: Pick<Transport, 'run' | 'name'>
  readonly #signal: AbortSignal
  #asked: Asked[] = []

  /** @param signal ends what is under way */
  constructor(transport: Pick<Transport, 'run' | 'name'>, signal: AbortSignal) {
    this.#transport = transport
    this.#signal = signal
  }

  /** Without the end of line. @throws NsctlError Unreachable; Failed for a machine that does not answer as it should */
  ask(question: Question, path = '/'): Promise<string> {
    return new Promise((resolve, reject) => {
      const line = `${question} ${word(path)}\n`
      if (this.#asked.push({ line, resolve, reject }) === 1) setImmediate(() => void this.#send())
    })
  }

  async #send(): Promise<void> {
    const asked = this.#asked
    this.#asked = []
    // what is asked by many is asked once
    const lines = [...new Set(asked.map(({ line }) => line))]
    try {
      const argv = ['/bin/sh', '-c', ANSWER, 'answer'] as const
      const result = await this.#transport.run({ argv }, { signal: this.#signal, stdin: lines.join('') })
      const answers = result.stdout.toString().split('\0')
      if (answers.length !== lines.length + 1) throw this.#unanswered(result)
      const byLine = new Map(lines.map((line, index) => [line, answers[index] as string]))
      for (const { line, resolve } of asked) resolve((byLine.get(line) ?? '').replace(/\n$/, ''))
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  #unanswered({ stderr }: CommandResult): NsctlError {
    const words = stderr.toString().trim()
    return new NsctlError(
      'Failed',
      `${this.#transport.name} does not answer: ${words || 'too little was said'}`,
      {
        value: this.#transport.name,
      },
    )
  }
}

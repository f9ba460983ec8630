import { spawn } from 'node:child_process'
import { NsctlError } from '../core/errors.ts'
import { editorCommand } from './edit-text.ts'

/** Opens a file in $VISUAL, $EDITOR or vi, on this terminal. Failed where that ends with an error. */
export function openEditor(file: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const command = editorCommand(env)
  return new Promise((resolve, reject) => {
    // a shell, because $EDITOR may hold flags and quotes
    const child = spawn('/bin/sh', ['-c', `${command} "$1"`, 'sh', file], { stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) return resolve()
      reject(
        new NsctlError('Failed', `the editor ${JSON.stringify(command)} ended with ${code ?? 'a signal'}`, {
          value: command,
          next: 'set $VISUAL or $EDITOR to an editor that is installed',
        }),
      )
    })
  })
}

/** Reads what a caller asks for: it may be anything. */
import { NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import type { Question } from './services.ts'

const MAX_WORDS_BYTES = 32 * 1024

/** @throws NsctlError Invalid */
export function readQuestion(message: unknown): Question {
  if (!isObject(message)) throw odd()
  const { kind, namespace, instance, program } = message
  if (!isText(namespace) || !isText(instance) || !(program === undefined || typeof program === 'string'))
    throw odd()
  const common = { namespace, instance, ...(program === undefined ? {} : { program }) }
  switch (kind) {
    case 'logs':
      return {
        kind,
        ...common,
        ...numbers(message, ['tail', 'sinceMs']),
        ...flags(message, ['follow', 'previous']),
      }
    case 'exec':
      return {
        kind,
        ...common,
        command: readCommand(message.command),
        stdin: message.stdin === true,
        ...terminal(message),
      }
    case 'connect': {
      const { port } = message
      if (!isText(port) && !isNumber(port)) throw odd()
      return { kind, ...common, port }
    }
  }
  throw odd()
}

/** Undefined for what is no size. */
export function readSize(value: unknown): { readonly columns: number; readonly rows: number } | undefined {
  if (!isObject(value)) return undefined
  const { columns, rows } = value
  const isSize = (one: unknown): one is number =>
    Number.isInteger(one) && Number(one) >= 0 && Number(one) <= 10_000
  return isSize(columns) && isSize(rows) ? { columns, rows } : undefined
}

function terminal({ terminal }: Readonly<Record<string, unknown>>) {
  if (terminal === undefined) return {}
  const size = readSize(terminal)
  const type =
    isObject(terminal) && isText(terminal.type) && /^[\w.+-]{1,64}$/.test(terminal.type)
      ? terminal.type
      : 'dumb'
  if (size === undefined) throw odd()
  return { terminal: { ...size, type } }
}

function readCommand(command: unknown): readonly [string, ...string[]] {
  const isWords =
    Array.isArray(command) &&
    command.length > 0 &&
    command.every((word) => typeof word === 'string' && !word.includes('\0'))
  if (!isWords || command[0] === '') throw odd()
  const bytes = command.reduce((sum: number, word: string) => sum + Buffer.byteLength(word) + 1, 0)
  if (bytes > MAX_WORDS_BYTES)
    throw new NsctlError('TooLarge', `the command has ${bytes} bytes, more than ${MAX_WORDS_BYTES}`, {
      next: 'give long input through stdin',
    })
  return command as unknown as readonly [string, ...string[]]
}

function numbers<K extends string>(message: Readonly<Record<string, unknown>>, names: readonly K[]) {
  return picked<K, number>(message, names, isNumber)
}

function flags<K extends string>(message: Readonly<Record<string, unknown>>, names: readonly K[]) {
  return picked<K, boolean>(message, names, (value): value is boolean => typeof value === 'boolean')
}

function picked<K extends string, V>(
  message: Readonly<Record<string, unknown>>,
  names: readonly K[],
  isRight: (value: unknown) => value is V,
): { readonly [name in K]?: V } {
  const found = names.flatMap((name) => (message[name] === undefined ? [] : [[name, message[name]] as const]))
  if (found.some(([, value]) => !isRight(value))) throw odd()
  return Object.fromEntries(found) as { readonly [name in K]?: V }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function odd(): NsctlError {
  return new NsctlError('Invalid', 'this is no question that an agent answers')
}

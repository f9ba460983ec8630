/** The one class of errors that nsctl raises on purpose. Everything else that is thrown is a bug of ours (exit code 70). */

/**
 * Stable codes and the exit code each ends a command with: 1 the answer is "no", 2 the input is wrong,
 * 3 the store or a machine cannot be reached, 4 conflict, 70 a bug of ours.
 */
export const EXIT_CODES = {
  NotFound: 1,
  Timeout: 1,
  Failed: 1,
  Invalid: 2,
  Usage: 2,
  Unsupported: 2,
  TooLarge: 2,
  Unreachable: 3,
  Denied: 3,
  StoreLocked: 3,
  StoreFull: 3,
  StoreCorrupt: 3,
  StoreFormat: 3,
  NoDaemon: 3,
  Conflict: 4,
  AlreadyExists: 4,
  Terminating: 4,
  QuotaExceeded: 4,
  Fenced: 4,
  Bug: 70,
} as const

export type ErrorCode = keyof typeof EXIT_CODES

export interface ErrorDetails {
  /** The value at fault, as the user wrote it. Never a secret. */
  readonly value?: unknown
  /** What to do next: a sentence or a command to type. */
  readonly next?: string
  /** Several faults of one input, each already formatted; shown one below the other. */
  readonly issues?: readonly string[]
  readonly cause?: unknown
}

export class NsctlError extends Error {
  readonly code: ErrorCode
  readonly value: unknown
  readonly next: string | undefined
  readonly issues: readonly string[]

  /** @param message what failed and where, one sentence without a full stop */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'NsctlError'
    this.code = code
    this.value = details.value
    this.next = details.next
    this.issues = details.issues ?? []
  }

  get exitCode(): number {
    return EXIT_CODES[this.code]
  }

  /** What `-o json` prints for an error. */
  toJSON(): Record<string, unknown> {
    return {
      kind: 'Error',
      code: this.code,
      message: this.message,
      ...(this.value === undefined ? {} : { value: this.value }),
      ...(this.issues.length === 0 ? {} : { issues: this.issues }),
      ...(this.next === undefined ? {} : { next: this.next }),
    }
  }
}

/**
 * True where `error` is an NsctlError, of one of `codes` if any are named. Told by its name: what draws on the terminal is a
 * bundle of its own with a class of its own.
 */
export function isNsctlError(error: unknown, ...codes: readonly ErrorCode[]): error is NsctlError {
  const isOurs = error instanceof NsctlError || (error instanceof Error && error.name === 'NsctlError')
  return isOurs && (codes.length === 0 || codes.includes((error as NsctlError).code))
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Small words for people. */

/** `1 instance`, `3 instances`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

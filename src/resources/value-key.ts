/** Names of the values in a Config or a Secret. They become names of files, so `.` and `..` are none; a member `__proto__` gets lost. */

const KEY = /^[-._a-zA-Z0-9]+$/
const MAX_LENGTH = 253
const NO_KEYS: readonly string[] = ['.', '..', '__proto__']

/** What a key is, for messages. */
export const VALUE_KEY_RULE = `a key is made of letters, digits, -, _ and ., at most ${MAX_LENGTH} of them, and is not ${NO_KEYS.join(' or ')}`

export function isValueKey(text: string): boolean {
  return text.length <= MAX_LENGTH && KEY.test(text) && !NO_KEYS.includes(text)
}

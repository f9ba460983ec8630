/** What moves the cursor, hides others or turns the direction of text; of the format characters only those, since emoji are made with the rest. */
const HARMFUL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** What other machines and programs say, as it may be printed in words of ours: it moves no cursor and paints nothing. Lines and tabs stay. */
export function harmless(text: string): string {
  return text.replace(HARMFUL, (character) => {
    if (character === '\n' || character === '\t') return character
    const code = (character.codePointAt(0) as number).toString(16)
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`
  })
}

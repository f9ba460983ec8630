/** Running text in lines of a given width. */

/** `text` broken between words, its own line breaks kept. A word that is longer than a line gets one of its own. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const paragraph of text.trim().split('\n')) {
    let line = ''
    for (const word of paragraph.split(/\s+/)) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}

/** What a script of ours reads on its standard input: nothing of it is in arguments, which others can see. Pure. */

/** One word for the shell's `read -r`, from which printf's %b makes the bytes again. */
export function word(content: string | Uint8Array): string {
  return Buffer.from(content as string)
    .toString('latin1')
    .replace(/[^\w./:=@%+,-]/g, (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

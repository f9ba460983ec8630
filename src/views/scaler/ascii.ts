/** A page for terminals that have nothing but ASCII. */

const SIGNS: Readonly<Record<string, string>> = {
  '→': '->',
  '÷': '/',
  '×': 'x',
  '–': '-',
  '…': '...',
  '’': "'",
  '▁': '_',
  '▂': '.',
  '▃': ':',
  '▄': '-',
  '▅': '=',
  '▆': '+',
  '▇': '*',
  '█': '#',
  '░': '.',
  '▒': 'x',
}

/** `text` with the signs that views use written in ASCII; what users wrote stays. */
export function toAscii(text: string): string {
  return text.replace(/[→÷×–…’▁▂▃▄▅▆▇█░▒]/g, (sign) => SIGNS[sign] ?? sign)
}

/** Whether the environment says that the terminal has nothing else: a locale of C or POSIX, or one in another encoding. */
export function wantsAscii(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG
  // none set says nothing: services and containers are like that
  return locale !== undefined && locale !== '' && !/utf-?8/i.test(locale)
}

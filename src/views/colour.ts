/** Colour as a port: views paint by meaning, and chalk is loaded only where colour is wanted. */

type Painter = (text: string) => string

/** Paints by what a text means. */
export interface Paint {
  readonly strong: Painter
  readonly faint: Painter
  readonly good: Painter
  readonly bad: Painter
  readonly warn: Painter
  readonly accent: Painter
  /** One of a few colours by number, the same number always the same: to tell instances apart. */
  readonly nth: (index: number, text: string) => string
}

const asIs: Painter = (text) => text

/** No colour at all. */
export const plainPaint: Paint = {
  strong: asIs,
  faint: asIs,
  good: asIs,
  bad: asIs,
  warn: asIs,
  accent: asIs,
  nth: (_index, text) => text,
}

/** The paint for a stream, by whether it may be coloured. Loads chalk only where it may. */
export async function loadPaint(isColoured: boolean): Promise<Paint> {
  if (!isColoured) return plainPaint
  const { Chalk } = await import('chalk')
  // the level is fixed: whether to colour was decided before, and chalk would ask the environment again
  const chalk = new Chalk({ level: 1 })
  const palette: readonly Painter[] = [
    chalk.cyan,
    chalk.magenta,
    chalk.yellow,
    chalk.green,
    chalk.blue,
    chalk.red,
  ]
  return {
    strong: (text) => chalk.bold(text),
    faint: (text) => chalk.dim(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    warn: (text) => chalk.yellow(text),
    accent: (text) => chalk.cyan(text),
    nth: (index, text) => (palette[index % palette.length] as Painter)(text),
  }
}

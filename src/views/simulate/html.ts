/** A trial as one page of HTML: tables and a drawing, nothing that is loaded or run. */
import type { Result, Simulation } from '../../scaling/simulate/simulate.ts'
import { largest } from './chart.ts'
import { aboutTrial } from './report.ts'

const WIDTH = 1200
const HEIGHT = 320
const COLOURS = ['#0969da', '#cf222e', '#9a6700', '#8250df']
const DECISIONS_SHOWN = 500

export interface HtmlOptions {
  readonly title: string
  readonly notes: readonly string[]
}

export function simulationHtml(simulation: Simulation, { title, notes }: HtmlOptions): string {
  const { results, decisions } = simulation
  const rows = results.map(
    (result, index) =>
      `<tr><td><span style="color:${colourOf(index)}">&#9632;</span> ${escaped(result.name)}</td>${cells(result)}</tr>`,
  )
  const shown = decisions.slice(0, DECISIONS_SHOWN)
  const more = decisions.length - shown.length
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1240px; margin: 2em auto; padding: 0 1em; color: #1f2328; background: #fff }
table { border-collapse: collapse; margin: 1.5em 0 }
th, td { text-align: right; padding: .2em .9em; border-bottom: 1px solid #d0d7de }
th:first-child, td:first-child, .left { text-align: left }
svg { width: 100%; height: auto; border: 1px solid #d0d7de }
</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p>${escaped(aboutTrial(simulation))}</p>
${notes.map((note) => `<p>${escaped(note)}</p>`).join('\n')}
<table>
<tr><th>Policy</th><th>Late</th><th>Cost</th><th>Mean</th><th>Most</th><th>Changes</th><th>Replica hours</th></tr>
${rows.join('\n')}
</table>
${drawing(simulation)}
<p>Grey: replicas that were needed. Lines: replicas that were paid for. Cost is of an oracle that knows what comes.</p>
<table>
<tr><th>Time</th><th>Change</th><th class="left">Because</th></tr>
${shown.map(({ at, from, to, because }) => `<tr><td>${escaped(at)}</td><td>${from} → ${to}</td><td class="left">${escaped(because)}</td></tr>`).join('\n')}
</table>
${more > 0 ? `<p>And ${more} more.</p>` : ''}
</body>
</html>
`
}

function cells(result: Result): string {
  const { latePercent, costPercent, meanReplicas, mostReplicas, changes, replicaHours } = result
  const cost = costPercent === undefined ? '-' : `${costPercent.toFixed(1)} %`
  return [
    `${latePercent.toFixed(3)} %`,
    cost,
    meanReplicas.toFixed(2),
    mostReplicas,
    changes,
    replicaHours.toFixed(1),
  ]
    .map((cell) => `<td>${cell}</td>`)
    .join('')
}

/** One path for what was needed, one for each policy; the most of every span of time. */
function drawing({ needed, results }: Simulation): string {
  const lines = results.map(({ run }) => largest(run.replicas, WIDTH))
  const area = largest(needed, WIDTH)
  const top = Math.max(1, ...area, ...lines.flat())
  const y = (value: number) => (HEIGHT - (value * (HEIGHT - 20)) / top).toFixed(1)
  const x = (index: number, of: number) => ((index * WIDTH) / of).toFixed(1)
  const steps = (line: readonly number[]) =>
    line
      .map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i, line.length)} ${y(value)}H${x(i + 1, line.length)}`)
      .join('')
  const filled = `${steps(area)}V${HEIGHT}H0Z`
  const paths = lines.map(
    (line, index) => `<path d="${steps(line)}" fill="none" stroke="${colourOf(index)}" stroke-width="1.5"/>`,
  )
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Replicas over time">
<path d="${filled}" fill="#d0d7de"/>
${paths.reverse().join('\n')}
<text x="4" y="14" font-size="12">${top}</text>
</svg>`
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length]!
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

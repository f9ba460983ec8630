import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyResource } from '../../src/resources/object.ts'
import { loadPaint, plainPaint } from '../../src/views/colour.ts'
import { formatSpan } from '../../src/views/duration.ts'
import { createEventWriter, isAbout, isAboutInstanceOf, sortEvents } from '../../src/views/events.ts'
import { createLogFormatter } from '../../src/views/log-lines.ts'
import { createProgressWriter, progressBar, progressLine } from '../../src/views/progress.ts'
import { rolloutState } from '../../src/views/rollout.ts'
import { events, nowMs, web, web0, web1, web2 } from './fixtures.ts'

test('progressLine is the line of a wait', () => {
  assert.is(
    progressLine({ label: 'waiting for 3 instances', done: 2, of: 3, detail: 'web-2 starting (1.1 s)' }),
    'waiting for 3 instances  ███████░░░ 2/3   web-2 starting (1.1 s)',
  )
})

for (const [done, of, want] of [
  [0, 3, '░░░░░░░░░░'],
  [3, 3, '██████████'],
  [9, 3, '██████████'],
  [0, 0, '██████████'],
] as const)
  test(`progressBar of ${done} of ${of}`, () => assert.is(progressBar(done, of), want))

test('a terminal gets one line that is rewritten, and is left clean', () => {
  const written: string[] = []
  const writer = createProgressWriter(
    { isTerminal: true, columns: 20, write: (more) => void written.push(more) },
    plainPaint,
  )
  writer.show({ label: 'waiting for 3 instances', done: 1, of: 3 })
  writer.show({ label: 'waiting for 3 instances', done: 1, of: 3 })
  writer.clear()
  writer.clear()
  assert.is(written.join(''), '\r\u001b[2Kwaiting for 3 inst…\r\u001b[2K')
})

test('elsewhere a line is written when the count moves', () => {
  const written: string[] = []
  const writer = createProgressWriter(
    { isTerminal: false, write: (more) => void written.push(more) },
    plainPaint,
  )
  const show = (done: number, detail?: string) =>
    writer.show({ label: 'waiting', done, of: 2, ...(detail === undefined ? {} : { detail }) })
  show(0, 'web-0 starting (0.1 s)')
  show(0, 'web-0 starting (0.2 s)')
  show(1)
  writer.clear()
  assert.is(written.join(''), 'waiting: 0/2 (web-0 starting (0.1 s))\nwaiting: 1/2\n')
})

for (const [ms, want] of [
  [-5, '0.0 s'],
  [1_140, '1.1 s'],
  [41_000, '41 s'],
  [200_000, '3m20s'],
] as const)
  test(`formatSpan of ${ms} ms`, () => assert.is(formatSpan(ms), want))

function service(status: Record<string, unknown>): AnyResource {
  return { ...web, status: { ...web.status, ...status } } as AnyResource
}
const progressing = (status: string, reason: string, message = 'm') => ({
  conditions: [{ type: 'Progressing', status, reason, message }],
})

for (const c of [
  { name: 'done', status: {}, kind: 'done', want: 'service "web" successfully rolled out' },
  {
    name: 'not yet observed',
    status: { observedGeneration: 7 },
    kind: 'waiting',
    want: 'Waiting for service spec update to be observed...',
  },
  {
    name: 'updating',
    status: { ...progressing('True', 'RollingOut'), updatedReplicas: 1 },
    kind: 'waiting',
    want: 'Waiting for service "web" rollout to finish: 1 out of 3 new replicas have been updated...',
  },
  {
    name: 'ending the old',
    status: { ...progressing('True', 'RollingOut'), replicas: 5 },
    kind: 'waiting',
    want: 'Waiting for service "web" rollout to finish: 2 old replicas are pending termination...',
  },
  {
    name: 'becoming available',
    status: { ...progressing('True', 'RollingOut'), availableReplicas: 2 },
    kind: 'waiting',
    want: 'Waiting for service "web" rollout to finish: 2 of 3 updated replicas are available...',
  },
  {
    name: 'blocked',
    status: progressing('False', 'Blocked', 'no node has port 80 free'),
    kind: 'failed',
    want: 'service "web" cannot roll out: no node has port 80 free',
  },
  {
    name: 'waiting for a node',
    status: progressing('False', 'Unschedulable', '0/1 nodes: 1 lacks memory'),
    kind: 'waiting',
    want: 'Waiting for service "web" rollout to finish: 0/1 nodes: 1 lacks memory',
  },
  {
    name: 'that of a daemon, which has as many as there are nodes',
    status: { ...progressing('True', 'RollingOut'), desiredReplicas: 9, updatedReplicas: 4 },
    kind: 'waiting',
    want: 'Waiting for service "web" rollout to finish: 4 out of 9 new replicas have been updated...',
  },
  {
    name: 'abandoned, though the old template is complete',
    status: {
      conditions: [
        { type: 'Progressing', status: 'False', reason: 'Complete' },
        { type: 'Degraded', status: 'True', reason: 'RolledBack', message: 'r7 was abandoned, r6 runs' },
      ],
    },
    kind: 'failed',
    want: 'service "web" was rolled back by itself: r7 was abandoned, r6 runs',
  },
])
  test(`rolloutState is ${c.name}`, () => {
    const state = rolloutState(service(c.status), [web0, web1, web2], nowMs)
    assert.is(state.kind, c.kind)
    assert.is(state.message, c.want)
  })

test('a rollout says how far it is and what it waits for', () => {
  const starting = {
    ...web2,
    metadata: { ...web2.metadata, creationTimestamp: new Date(nowMs - 1_100).toISOString() },
    status: { phase: 'Starting', ready: false },
  } as AnyResource
  const other = { ...web0, spec: { ...web0.spec, service: 'mail' } } as AnyResource
  const state = rolloutState(service(progressing('True', 'RollingOut')), [web0, web1, starting, other], nowMs)
  assert.equal(state.kind === 'waiting' && state.progress, {
    label: 'waiting for 3 instances',
    done: 2,
    of: 3,
    detail: 'web-2 starting (1.1 s)',
  })
})

test('events stand in order of time, with their counts', () => {
  assert.is(
    createEventWriter({ now: () => nowMs, showNamespace: true }).rows(sortEvents(events)),
    [
      'NAMESPACE   LAST SEEN   TYPE      REASON      OBJECT                  MESSAGE',
      'shop        12m         Normal    Stopped     instance/web-1-gone2    of the template before',
      'shop        11m         Normal    RolledOut   service/web             r6 → r7',
      'shop        3m          Warning   OOMKilled   instance/web-2-q8n5t    web-2 exceeded 128Mi; restarted in 0.2 s',
      'shop        60s         Warning   CrashLoop   instance/mail-1-x2c4z   spool exits 78 (3 times)',
      '',
    ].join('\n'),
  )
})

test('an event is about its object and the service of its instance, and nothing else', () => {
  const [oom, rolled] = events as readonly [AnyResource, AnyResource]
  assert.ok(isAbout(rolled, { kind: 'Service', name: 'web', namespace: 'shop' }))
  assert.not(isAbout(rolled, { kind: 'Service', name: 'web', namespace: 'other' }))
  assert.ok(isAboutInstanceOf(oom, 'web', 'shop'))
  assert.not(isAboutInstanceOf(oom, 'we', 'shop'))
  assert.not(isAboutInstanceOf(rolled, 'web', 'shop'))
})

test('log lines carry what was asked for, an instance always in its colour', async () => {
  const entry = { instance: 'web-0', program: '', stream: 'stdout', text: 'hello', atMs: nowMs } as const
  const bare = createLogFormatter({ paint: plainPaint, prefix: false, timestamps: false })
  assert.is(bare(entry), 'hello\n')
  const full = createLogFormatter({ paint: plainPaint, prefix: true, timestamps: true })
  assert.is(full({ ...entry, program: 'api' }), '[web-0/api] 2026-01-31T12:15:00.000Z hello\n')
  assert.is(full({ instance: 'w', program: '', stream: 'stderr', text: 'x' }), '[w] - x\n')
  const paint = await loadPaint(true)
  const coloured = createLogFormatter({ paint, prefix: true, timestamps: false })
  const first = coloured(entry)
  assert.is.not(coloured({ ...entry, instance: 'web-1' }), first.replace('web-0', 'web-1'))
  assert.is(coloured(entry), first)
})

test('no colour where none is wanted', async () => {
  assert.is(await loadPaint(false), plainPaint)
  assert.is(plainPaint.bad('x') + plainPaint.nth(3, 'y'), 'xy')
})

test.run()

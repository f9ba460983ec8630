import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { parseSchedule } from '../../src/resources/schedule.ts'

const at = (text: string) => Date.parse(text)
const shown = (wallMs: number | undefined) =>
  wallMs === undefined ? undefined : new Date(wallMs).toISOString().slice(0, 16)

for (const c of [
  {
    name: 'weekdays',
    text: '0 8 * * 1-5',
    zone: 'Europe/Berlin',
    from: '2026-11-20T06:59:59Z',
    want: ['2026-11-20T07:00', '2026-11-23T07:00'],
  },
  {
    name: 'names',
    text: '0 8 * nov fri,MON',
    zone: 'UTC',
    from: '2026-11-20T09:00:00Z',
    want: ['2026-11-23T08:00', '2026-11-27T08:00'],
  },
  {
    name: 'steps',
    text: '*/20 9-10 * * *',
    zone: 'UTC',
    from: '2026-11-20T09:35:00Z',
    want: ['2026-11-20T09:40', '2026-11-20T10:00', '2026-11-20T10:20'],
  },
  {
    name: 'a step from a number',
    text: '5/15 * * * *',
    zone: 'UTC',
    from: '2026-11-20T09:00:00Z',
    want: ['2026-11-20T09:05', '2026-11-20T09:20'],
  },
  {
    name: 'Sunday as 7 and as 0',
    text: '0 0 * * 7',
    zone: 'UTC',
    from: '2026-11-20T00:00:00Z',
    want: ['2026-11-22T00:00', '2026-11-29T00:00'],
  },
  {
    name: 'either day',
    text: '0 0 13 * fri',
    zone: 'UTC',
    from: '2026-12-05T00:00:00Z',
    want: ['2026-12-11T00:00', '2026-12-13T00:00'],
  },
  {
    name: 'a nickname',
    text: '@daily',
    zone: 'Asia/Kolkata',
    from: '2026-11-20T00:00:00Z',
    want: ['2026-11-20T18:30'],
  },
  {
    name: 'a question mark',
    text: '0 0 ? * ?',
    zone: 'UTC',
    from: '2026-11-20T12:00:00Z',
    want: ['2026-11-21T00:00', '2026-11-22T00:00'],
  },
  {
    name: 'a zone of its own',
    text: 'CRON_TZ=America/New_York 0 9 * * *',
    zone: 'UTC',
    from: '2026-11-20T00:00:00Z',
    want: ['2026-11-20T14:00'],
  },
  {
    name: 'a leap day',
    text: '0 0 29 2 *',
    zone: 'UTC',
    from: '2026-11-20T00:00:00Z',
    want: ['2028-02-29T00:00', '2032-02-29T00:00'],
  },
  // clocks forward: 02:00 to 03:00 at 01:00Z
  {
    name: 'Berlin, in the gap',
    text: '30 2 * * *',
    zone: 'Europe/Berlin',
    from: '2026-03-28T12:00:00Z',
    want: ['2026-03-29T01:00', '2026-03-30T00:30'],
  },
  {
    name: 'Berlin, two in the gap are one',
    text: '0,30 2 * * *',
    zone: 'Europe/Berlin',
    from: '2026-03-28T12:00:00Z',
    want: ['2026-03-29T01:00', '2026-03-30T00:00'],
  },
  {
    name: 'Berlin, hourly over the gap',
    text: '0 * * * *',
    zone: 'Europe/Berlin',
    from: '2026-03-29T00:00:00Z',
    want: ['2026-03-29T01:00', '2026-03-29T02:00'],
  },
  // clocks back: 03:00 to 02:00 at 01:00Z
  {
    name: 'Berlin, in the overlap',
    text: '30 2 * * *',
    zone: 'Europe/Berlin',
    from: '2026-10-24T12:00:00Z',
    want: ['2026-10-25T00:30', '2026-10-26T01:30'],
  },
  {
    name: 'Berlin, hourly over the overlap',
    text: '0 * * * *',
    zone: 'Europe/Berlin',
    from: '2026-10-24T23:30:00Z',
    want: ['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00'],
  },
  {
    name: 'New York, in the gap',
    text: '15 2 * * *',
    zone: 'America/New_York',
    from: '2026-03-07T12:00:00Z',
    want: ['2026-03-08T07:00', '2026-03-09T06:15'],
  },
  {
    name: 'New York, in the overlap',
    text: '30 1 * * *',
    zone: 'America/New_York',
    from: '2026-10-31T12:00:00Z',
    want: ['2026-11-01T05:30', '2026-11-02T06:30'],
  },
  // half an hour: 02:00 to 02:30 on 4 October, back on 5 April
  {
    name: 'Lord Howe, in the gap',
    text: '15 2 * * *',
    zone: 'Australia/Lord_Howe',
    from: '2026-10-03T00:00:00Z',
    want: ['2026-10-03T15:30', '2026-10-04T15:15'],
  },
  {
    name: 'Lord Howe, in the overlap',
    text: '45 1 * * *',
    zone: 'Australia/Lord_Howe',
    from: '2026-04-04T00:00:00Z',
    want: ['2026-04-04T14:45', '2026-04-05T15:15'],
  },
  {
    name: 'Kiritimati, a day ahead',
    text: '0 8 * * mon',
    zone: 'Pacific/Kiritimati',
    from: '2026-11-20T00:00:00Z',
    want: ['2026-11-22T18:00'],
  },
  {
    name: 'Pago Pago, a day behind',
    text: '0 20 * * sun',
    zone: 'Pacific/Pago_Pago',
    from: '2026-11-20T00:00:00Z',
    want: ['2026-11-23T07:00'],
  },
  {
    name: 'Kathmandu, three quarters',
    text: '0 0 * * *',
    zone: 'Asia/Kathmandu',
    from: '2026-11-20T00:00:00Z',
    want: ['2026-11-20T18:15'],
  },
])
  test(`a schedule comes: ${c.name}`, () => {
    const schedule = parseSchedule(c.text, c.zone)
    let time = at(c.from)
    for (const wanted of c.want) {
      const before = schedule.previous(time)
      const next = schedule.next(time)
      assert.is(shown(next), wanted)
      assert.ok(before === undefined || before <= time)
      // asked anew, so that nothing kept answers
      assert.is(parseSchedule(c.text, c.zone).previous(next!), next)
      assert.is(shown(parseSchedule(c.text, c.zone).previous(next! - 1)), shown(before))
      time = next!
    }
  })

for (const [text, zone, message] of [
  ['0 8 * *', 'UTC', /4 fields instead of five/],
  ['0 0 8 * * 1', 'UTC', /6 fields/],
  ['', 'UTC', /0 fields/],
  ['60 * * * *', 'UTC', /Invalid value for minute: 60/],
  ['0 24 * * *', 'UTC', /hour/],
  ['0 8 * * fry', 'UTC', /illegal|Invalid/],
  ['10-5 * * * *', 'UTC', /larger/],
  ['0 0 30 2 *', 'UTC', /never comes/],
  ['@every 5m', 'UTC', /no nickname/],
  ['@reboot', 'UTC', /no nickname/],
  ['0 8 * * *', 'Mars/Base', /no timezone "Mars\/Base"/],
  ['CRON_TZ=Mars/Base 0 8 * * *', 'UTC', /no timezone "Mars\/Base"/],
] as const)
  test(`a schedule is refused: ${text} in ${zone}`, () => {
    assert.throws(
      () => parseSchedule(text, zone),
      (error: Error) => isNsctlError(error, 'Invalid') && message.test(error.message),
    )
  })

test('what is kept of a schedule answers as if it were asked anew', () => {
  const [first, last] = [at('2026-01-01T00:00:00Z'), at('2027-01-01T00:00:00Z')]
  fc.assert(
    fc.property(
      fc.constantFrom('30 2 * * *', '*/7 * * * *', '0 8 * * 1-5', '0,45 1-3 * * sun'),
      fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'),
      fc.array(fc.integer({ min: first, max: last }), { minLength: 1, maxLength: 6 }),
      (text, zone, times) => {
        const schedule = parseSchedule(text, zone)
        for (const time of times.flatMap((one) => [one, one + 1000, one])) {
          const anew = parseSchedule(text, zone)
          const [previous, next] = [schedule.previous(time)!, schedule.next(time)!]
          assert.is(previous, anew.previous(time))
          assert.is(next, parseSchedule(text, zone).next(time))
          assert.ok(previous <= time && time < next)
          assert.is(parseSchedule(text, zone).next(previous), next, 'nothing lies between the two')
        }
      },
    ),
    { numRuns: 60 },
  )
})

test.run()

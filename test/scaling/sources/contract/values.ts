/** What is right, and what is refused. */
import * as assert from 'uvu/assert'
import { endsInTime, errorOf, failureOf, numberOf, type Of, read, sleep, until, watch } from './bench.ts'

export function values(of: Of): void {
  of('says what the outside says, 0 included, on one connection', async ({ outside, open }) => {
    const source = open()
    await outside.set(3)
    await numberOf(source)
    const accepted = outside.gate?.accepted
    for (const value of [0, 1, 7, 0, 130]) {
      await outside.set(value)
      const reading = await read(source)
      assert.equal(
        reading.metrics.map(({ value }) => value),
        [value],
      )
    }
    if (outside.gate !== undefined) {
      assert.is(outside.gate.accepted, accepted, 'later measures use the connections of the first')
      assert.ok(outside.gate.open <= (outside.connections ?? 1), `${outside.gate.open} connections`)
    }
  })

  of('is active above its activation threshold, and not at it', async ({ outside, open }) => {
    const source = open()
    const { activation } = outside
    for (const [value, active] of [
      [0, false],
      [activation, false],
      [activation + 1, true],
      [activation + 100, true],
      [activation, false],
    ] as const) {
      await outside.set(value)
      const reading = await read(source)
      assert.is(reading.active, active, `active at ${value}`)
    }
  })

  of('gives each metric a name of its own', async ({ outside, open }) => {
    await outside.set(2)
    const names = (await read(open())).metrics.map(({ name }) => name)
    assert.is(new Set(names).size, names.length)
  })
}

export function refusals(of: Of): void {
  of('makes no connection when it is opened', async ({ outside, open }) => {
    const accepted = outside.gate?.accepted
    open()
    await sleep(50)
    assert.is(outside.gate?.accepted, accepted)
  })

  of('is denied with wrong credentials, and says no secret', async (bench) => {
    for (const { what, trigger } of bench.outside.wrongCredentials ?? []) {
      const error = await failureOf(bench, bench.open(trigger), what)
      assert.is(error.code, 'Denied', `${what}: ${error.message}`)
    }
  })

  of('is invalid where the answer holds no number', async (bench) => {
    for (const { what, trigger } of bench.outside.invalid ?? []) {
      const source = bench.open(trigger)
      for (let again = 0; again < 2; again++) {
        const error = await failureOf(bench, source, what)
        assert.is(error.code, 'Invalid', `${what}: ${error.message}`)
      }
    }
  })

  of('says 0 where that is what it means', async ({ outside, open }) => {
    for (const { what, trigger } of outside.empty ?? []) {
      const reading = await read(open(trigger))
      assert.is(reading.metrics[0]?.value, 0, what)
      assert.is(reading.active, false, what)
    }
  })

  of('refuses wrong parameters when it is opened, and names them', async (bench) => {
    for (const { what, trigger, parameter } of bench.outside.refused ?? []) {
      const error = errorOf(() => bench.open(trigger), bench)
      assert.is(error.code, 'Invalid', `${what}: ${error.message}`)
      assert.match(String(error.value), parameter, what)
    }
  })

  of('ends within 100 ms when its signal aborts, before and while it measures', async (bench) => {
    const { outside, open } = bench
    const source = open()
    await endsInTime(bench, source, AbortSignal.abort(new Error('enough')), 0)
    // at different moments of a first look and of later ones
    for (const afterMs of [0, 1, 3, 10]) {
      const stop = new AbortController()
      setTimeout(() => stop.abort(new Error('enough')), afterMs)
      await source.measure(stop.signal).catch((error) => watch(error, bench))
    }
    await outside.set(6)
    await until(async () => (await numberOf(source)) === 6)
  })
}

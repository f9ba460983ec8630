import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Pressure, type PressureSample, readPressure } from '../../src/agent/pressure.ts'
import { ManualClock } from '../../src/core/clock.ts'

const GIBI = 2 ** 30
const MEBI = 2 ** 20

/** A gauge that is looked at every 5 s. */
function gauge() {
  const clock = new ManualClock()
  let sample: PressureSample = {}
  const pressure = new Pressure(clock, async () => sample)
  const look = async (next: PressureSample) => {
    sample = next
    clock.advance(5_000)
    const [memory, disk] = await pressure.look()
    return { memory, disk }
  }
  return look
}

const memory = (availableBytes: number): PressureSample => ({
  memory: { availableBytes, totalBytes: 16 * GIBI },
})
const disk = (availableBytes: number, inodesPart = 0.5): PressureSample => ({
  disk: { availableBytes, sizeBytes: 100 * GIBI, inodesPart },
})

test('memory presses at once, and no more once it has been enough for a minute', async () => {
  const look = gauge()
  assert.is((await look(memory(4 * GIBI))).memory?.status, 'False')
  const short = (await look(memory(200 * MEBI))).memory
  assert.equal(
    [short?.status, short?.reason, short?.message],
    ['True', 'MemoryShort', '200Mi of 16Gi of memory were left'],
  )
  for (let i = 0; i < 11; i++) assert.is((await look(memory(4 * GIBI))).memory?.status, 'True')
  // a little more than too little is no relief, and the minute begins anew
  assert.is((await look(memory(300 * MEBI))).memory?.status, 'True')
  for (let i = 0; i < 12; i++) {
    const said = (await look(memory(4 * GIBI))).memory
    assert.equal([said?.status, said?.message], ['True', short?.message], 'its message stands')
  }
  assert.is((await look(memory(4 * GIBI))).memory?.status, 'False')
})

test('a machine where all wait for memory is pressed, however much there seems to be', async () => {
  const look = gauge()
  const stalled = (stalledSeconds: number) => ({ ...memory(8 * GIBI), stalledSeconds })
  assert.is((await look(stalled(100))).memory?.status, 'False', 'since boot, that is nothing new')
  assert.is((await look(stalled(100.5))).memory?.status, 'False')
  const said = (await look(stalled(102))).memory
  assert.equal([said?.status, said?.message], ['True', 'everything waited for memory for 30 % of the time'])
})

test('a disk presses that is nearly full, be it of inodes', async () => {
  const full = gauge()
  assert.is((await full(disk(3 * GIBI))).disk?.status, 'False')
  assert.is((await full(disk(GIBI))).disk?.message, '1Gi of 100Gi of disk were left')
  const inodes = gauge()
  assert.is((await inodes(disk(50 * GIBI, 0.01))).disk?.message, 'only 1 % of the inodes are left')
})

test('what cannot be measured presses nobody', async () => {
  const { memory, disk } = await gauge()({})
  assert.equal([memory?.status, disk?.status], ['False', 'False'])
})

test('this machine says something', async () => {
  const { disk, memory } = await readPressure('/')
  assert.ok((disk?.sizeBytes ?? 0) > 0 && (disk?.availableBytes ?? 0) <= (disk?.sizeBytes ?? 0))
  if (process.platform === 'linux') assert.ok((memory?.availableBytes ?? 0) > 0)
})

test.run()

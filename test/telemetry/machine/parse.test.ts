import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  parseCpu,
  parseDisks,
  parseMemory,
  parseMounts,
  parsePressure,
} from '../../../src/telemetry/machine/parse.ts'
import { readMachine } from '../../../src/telemetry/machine/read.ts'

test('cpu: seconds by mode, of all processors; what an old kernel lacks is left out', () => {
  const stat = 'cpu  200 10 100 1000 50 0 7 3 90 0\ncpu0 100 5 50 500 25 0 3 1 45 0\nintr 1\n'
  assert.equal(Object.fromEntries(parseCpu(stat)), {
    user: 2,
    nice: 0.1,
    system: 1,
    idle: 10,
    iowait: 0.5,
    irq: 0,
    softirq: 0.07,
    steal: 0.03,
  })
  assert.equal(Object.fromEntries(parseCpu('cpu 100 0 0 100\n')), { user: 1, nice: 0, system: 0, idle: 1 })
  assert.equal(Object.fromEntries(parseCpu('')), {})
})

test('memory: bytes, and counts as they stand', () => {
  const text = 'MemTotal:       2048 kB\nActive(anon):    1 kB\nHugePages_Total:       3\n'
  assert.equal(Object.fromEntries(parseMemory(text)), {
    MemTotal: 2 ** 21,
    'Active(anon)': 1024,
    HugePages_Total: 3,
  })
})

test('disks: whole ones that were used', () => {
  const text = [
    '   7       0 loop0 5 0 8 0 0 0 0 0 0 0 0',
    ' 254       0 vda 10 1 20 30 40 2 50 60 0 700 80 0 0 0 0',
    ' 254       1 vda1 10 1 20 30 40 2 50 60 0 700 80',
    '   8       0 sda 0 0 0 0 0 0 0 0 0 0 0',
    ' 253       0 dm-0 1 0 2 0 3 0 4 0 0 5 0',
    '',
  ].join('\n')
  assert.equal(parseDisks(text, new Set(['loop0', 'vda', 'sda', 'dm-0'])), [
    { device: 'vda', reads: 10, writes: 40, readBytes: 10_240, writtenBytes: 25_600, busySeconds: 0.7 },
    { device: 'dm-0', reads: 1, writes: 3, readBytes: 1_024, writtenBytes: 2_048, busySeconds: 0.005 },
  ])
})

test('pressure: seconds since the start; nothing where the kernel has none', () => {
  const text =
    'some avg10=1.50 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n'
  assert.equal(parsePressure('io', text), [
    { resource: 'io', extent: 'some', seconds: 2.5 },
    { resource: 'io', extent: 'full', seconds: 0.000001 },
  ])
  assert.equal(parsePressure('cpu', ''), [])
})

test('mounts: what lies on a device, once, where its path is shortest', () => {
  const text = [
    '/dev/vda1 /nix/store ext4 ro 0 0',
    '/dev/vda1 / ext4 rw 0 0',
    'tmpfs /run tmpfs rw 0 0',
    'server:/share /mnt nfs rw 0 0',
    String.raw`/dev/sdb1 /media/my\040disk xfs rw 0 0`,
    '/dev/loop1 /snap/x squashfs ro 0 0',
  ].join('\n')
  assert.equal(parseMounts(text), [
    { device: '/dev/vda1', mountpoint: '/', type: 'ext4' },
    { device: '/dev/sdb1', mountpoint: '/media/my disk', type: 'xfs' },
  ])
})

test('a machine without any of it has nothing to show', async () => {
  const { cpu, memory, disks, pressure, filesystems } = await readMachine('/nonexistent')
  assert.equal([cpu.size, memory.size, disks, pressure, filesystems], [0, 0, [], [], []])
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { busSockets, endpoints } from '../../../../src/runtimes/systemd/dbus/address.ts'

for (const c of [
  { address: 'unix:path=/run/dbus/system_bus_socket', want: ['/run/dbus/system_bus_socket'] },
  { address: 'unix:abstract=/tmp/dbus-x,guid=00', want: ['\0/tmp/dbus-x'] },
  { address: 'unix:path=/a%20b%2cc', want: ['/a b,c'] },
  { address: 'tcp:host=localhost,port=1;unix:guid=1,path=/b', want: ['/b'] },
  { address: 'unixexec:path=/bin/x', want: [] },
  { address: '', want: [] },
])
  test(`busSockets reads ${JSON.stringify(c.address)}`, () => {
    assert.equal(
      busSockets(c.address).map(({ socketPath }) => socketPath),
      c.want,
    )
  })

test("the manager's own socket comes before the bus", () => {
  assert.equal(endpoints('system', {}), [
    { socketPath: '/run/systemd/private', bus: false },
    { socketPath: '/run/dbus/system_bus_socket', bus: true },
  ])
  assert.equal(endpoints('user', { XDG_RUNTIME_DIR: '/run/user/7' }), [
    { socketPath: '/run/user/7/systemd/private', bus: false },
    { socketPath: '/run/user/7/bus', bus: true },
  ])
  assert.equal(endpoints('user', {}), [])
})

test.run()

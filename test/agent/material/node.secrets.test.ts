/** Configs and Secrets on a machine with a real systemd and an ssh host key: handed over, changed, and brought back after a boot. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { recipientOfSshKey } from '../../../src/secrets/ssh.ts'
import { sshKeygen } from '../../lab/age.ts'
import { NODE_BINARY, NODE_REPOSITORY } from '../../lab/node.ts'
import { onEachRelease, type World } from '../../systemd/world.ts'

const HOST_KEY = '/etc/ssh/ssh_host_ed25519_key'
const RESTORE = `${NODE_REPOSITORY}/test/agent/material/inside/restore-kept.ts`
/** What must never lie open, whatever is looked at. */
const PLANTED = 'hunter2-planted'

const meta = (kind: string, name: string) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind,
  metadata: { name },
})
const secret = (values: Readonly<Record<string, string>>) => ({ ...meta('Secret', 'db'), stringData: values })

/** Says what it has whenever it is started or told; `onChange` is that of its files. */
function service(name: string, onChange: string, template: object = {}): object {
  const say = `say() { echo "${name}: \${PW:-none} $(cat "$CREDENTIALS_DIRECTORY/db.user") $(cat "$CONFIG_APP/app.conf")" >>"$STORAGE_OUT/said"; }`
  const script = `${say}; say; trap say HUP; while :; do sleep 0.1; done`
  return {
    ...meta('Service', name),
    spec: {
      storage: [{ name: 'out', path: `/srv/${name}` }],
      template: {
        source: { command: ['/bin/sh', '-c', script], workingDir: '/' },
        configs: [{ name: 'app', onChange }],
        secrets: [{ name: 'db', items: [{ key: 'user', as: 'db.user' }], onChange }],
        ...template,
      },
    },
  }
}

const variable = {
  env: [{ name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
}

async function said(world: World, name: string): Promise<readonly string[]> {
  const file = `/var/lib/nsctl/storage/default/${name}/out/0/said`
  return (await world.sh(`cat ${file} 2>/dev/null || true`)).split('\n').filter((line) => line !== '')
}

async function untilSaid(world: World, name: string, line: string): Promise<void> {
  await world.until(`${name} says: ${line}`, async () => (await said(world, name)).at(-1) === line)
}

/** Gives the node an ssh host key and returns the recipient that is made of it. */
async function giveHostKey(world: World): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'nsctl-host-key-'))
  try {
    await sshKeygen(join(dir, 'key'))
    await world.sh('mkdir -p /etc/ssh')
    await world.write(HOST_KEY, readFileSync(join(dir, 'key'), 'utf8'))
    await world.sh(`chmod 600 ${HOST_KEY}`)
    return recipientOfSshKey(readFileSync(join(dir, 'key.pub'), 'utf8'))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Where on the node the planted value lies open, but for memory that only root can enter; storage is the program's own. */
async function whereOpen(world: World): Promise<readonly string[]> {
  const forms = [PLANTED, Buffer.from(PLANTED).toString('base64')].map((form) => `-e ${form}`).join(' ')
  const found = await world.sh(`
    grep -rlF ${forms} /var /root /etc /tmp /run --exclude-dir=storage 2>/dev/null | grep -v '^/run/nsctl/materials/' || true
    for pid in $(ls /proc | grep -E '^[0-9]+$'); do tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -F ${forms} | grep -v 'grep -' || true; done
    journalctl --no-pager 2>/dev/null | grep -F ${forms} || true
    systemctl show 'nsctl-*' 2>/dev/null | grep -F ${forms} || true`)
  return found.split('\n').filter((line) => line !== '')
}

onEachRelease(
  'Configs and Secrets are handed over, changed in place, and there again after a boot',
  async (world) => {
    const recipient = await giveHostKey(world)
    await world.up()
    const { spec, status } = await world.get(`node/${(await world.sh('hostname')).toLowerCase()}`)
    assert.is(spec.recipient, recipient, 'what is pinned is made of the ssh host key')
    assert.is(status.recipient, recipient)

    await world.apply({ ...meta('Config', 'app'), spec: { files: { 'app.conf': 'one' } } })
    await world.apply(secret({ user: 'ada', password: PLANTED }))
    await world.apply(service('fixed', 'restart', variable))
    await world.apply(service('live', 'reload'))
    await untilSaid(world, 'fixed', `fixed: ${PLANTED} ada one`)
    await untilSaid(world, 'live', 'live: none ada one')
    assert.equal(await whereOpen(world), [])
    assert.ok(await world.sh(`grep -rlF ${PLANTED} /run/nsctl/materials`), 'there it would be found')
    assert.is(await world.sh('stat -c %a:%U /run/nsctl/materials'), '700:root')

    await world.apply(secret({ user: 'grace', password: PLANTED }))
    await untilSaid(world, 'live', 'live: none grace one')
    await untilSaid(world, 'fixed', `fixed: ${PLANTED} grace one`)
    const live = (await world.instances()).find((one) => one.spec.service === 'live')
    assert.is(live?.status.restarts, 0)
    assert.equal(live?.status.materials, live?.spec.materials)

    await world.until('both are kept for the next boot', async () => {
      const kept = await world.sh('ls /var/lib/nsctl/materials')
      return kept.split('\n').length === 2
    })
    assert.is(
      await world.sh('stat -c %a /var/lib/nsctl/materials /var/lib/nsctl/materials/* | sort -u | paste -sd,'),
      '600,700',
    )

    await world.node.reboot()
    assert.is(await world.sh('ls /run/nsctl/materials 2>/dev/null || true'), '')
    // one is spoiled: it is not started with anything else
    await world.sh('cd /var/lib/nsctl/materials && cp default_live_*.age "$(ls default_fixed_*.age)"')
    const restored = await world.node.exec([NODE_BINARY, '--disable-warning=ExperimentalWarning', RESTORE])
    assert.is(restored.stdout.trim(), '["live"]', restored.stderr)
    assert.match(restored.stderr, /a program waits for the control plane.* program=default\/fixed\//)
    await world.until('it runs again', async () => (await said(world, 'live')).length === 3)
    assert.is((await said(world, 'live')).at(-1), 'live: none grace one')

    await world.sh('rm -f /run/up.log')
    await world.up()
    await world.until('the other one runs again', async () => (await said(world, 'fixed')).length === 3)
    assert.is((await said(world, 'live')).length, 3, 'and the first was left alone')
    assert.equal(await whereOpen(world), [])

    await world.nsctl('delete service fixed live')
    await world.until('nothing is kept', async () => (await world.sh('ls /var/lib/nsctl/materials')) === '')
    assert.is(await world.sh('ls /run/nsctl/materials 2>/dev/null || true'), '')
  },
)

test.run()

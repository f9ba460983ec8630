/** A node with Debian's Caddy as a unit of its own, that starts again by itself, and writes down each request that it leads. */
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { LabNode } from './node.ts'
import { extractDeb } from './servers.ts'

/** Within the node. */
export const CADDY_ADMIN = 'http://127.0.0.1:2019'
const BINARY = '/usr/local/bin/caddy'
const CONFIG = '/etc/caddy.json'
const LOG = '/var/log/caddy.log'

const UNIT = `[Unit]
Description=Caddy
[Service]
Environment=HOME=/root
ExecStart=${BINARY} run --config ${CONFIG}
StandardError=append:${LOG}
Restart=always
RestartSec=200ms
[Install]
WantedBy=multi-user.target
`

/** Installs it and starts it, with nothing to lead. It is there again after a reboot. */
export async function installCaddy(node: LabNode): Promise<void> {
  const binary = join(await extractDeb('bookworm', 'caddy'), 'usr/bin/caddy')
  await put(node, binary, BINARY)
  const config = {
    admin: { listen: CADDY_ADMIN.replace('http://', ''), config: { persist: false } },
    logging: { logs: { default: { level: 'DEBUG' } } },
  }
  const script = `cat >${CONFIG} && chmod +x ${BINARY}`
  await said(node.exec(['sh', '-c', script], { input: JSON.stringify(config) }))
  await said(node.exec(['sh', '-c', 'cat >/etc/systemd/system/caddy.service'], { input: UNIT }))
  await node.run(['systemctl', 'enable', '--now', '--quiet', 'caddy'])
}

/** How often a backend did not answer Caddy, and why: what Caddy has tried again, or given up. */
export async function triesThatFailed(node: LabNode): Promise<Readonly<Record<string, number>>> {
  const script = `grep '"upstream roundtrip"' ${LOG} | grep -o '"error":"[^"]*' || true`
  const counts: Record<string, number> = {}
  for (const line of (await node.run(['sh', '-c', script])).split('\n').filter((one) => one !== '')) {
    const why = line
      .replace('"error":"', '')
      .replaceAll(/\b[\d.]+:\d+(->)?/g, '')
      .replace(/^.*: +/, '')
    counts[why] = (counts[why] ?? 0) + 1
  }
  return counts
}

function put(node: LabNode, from: string, to: string): Promise<void> {
  const child = node.spawn(['sh', '-c', `cat >${to}`], { stdio: ['pipe', 'ignore', 'inherit'] })
  createReadStream(from).pipe(child.stdin!)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${to}: exit ${code}`))))
  })
}

async function said(result: ReturnType<LabNode['exec']>): Promise<void> {
  const { code, stderr } = await result
  if (code !== 0) throw new Error(`Caddy cannot be installed: ${stderr}`)
}

/** A real sshd inside a node of the lab, out of Debian's package: people's way to a machine on which nothing of nsctl is. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sshKeygen } from './age.ts'
import type { LabNode } from './node.ts'
import { extractDeb, serverDirectory } from './servers.ts'

export interface NodeSshd {
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string
  /** `SHA256:…` */
  readonly fingerprint: string
  /** A private key that root and the user `tester` let in. */
  readonly keyFile: string
  /** SIGKILL for every session; it takes new ones. */
  killSessions(): Promise<void>
  /** SIGSTOP for it and every session: it is connected to, and says nothing. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  remove(): void
}

const PLACE = '/usr/local/lib/lab-sshd'
const UNIT = 'lab-sshd.service'

/**
 * Listens on port 22 of the node, which must be of `bookworm`, as the libraries are. Started again at each boot by `startNodeSshd` alone.
 * @param before whose keys it has; new ones where left out
 */
export async function startNodeSshd(node: LabNode, before?: NodeSshd): Promise<NodeSshd> {
  const [deb, ...libraries] = await Promise.all(
    ['openssh-server', 'libwrap0', 'libnsl2', 'libtirpc3'].map((name) => extractDeb('bookworm', name)),
  )
  const { path: directory, remove } =
    before === undefined
      ? serverDirectory('node-sshd')
      : { path: dirname(before.keyFile), remove: before.remove }
  if (before === undefined) {
    mkdirSync(directory, { recursive: true })
    await Promise.all(['host', 'id'].map((name) => sshKeygen(join(directory, name))))
  }
  await node.run(['mkdir', '-p', PLACE, '/run/sshd'])
  await copyIn(node, join(deb as string, 'usr/sbin'), ['sshd'])
  for (const library of libraries)
    for (const folder of ['lib', 'usr/lib'].map((one) => join(library, one, 'x86_64-linux-gnu')))
      if (existsSync(folder)) await copyIn(node, folder, readdirSync(folder))
  await copyIn(node, directory, ['host', 'host.pub', 'id.pub'])
  const config = [
    'Port 22',
    `HostKey ${PLACE}/host`,
    'PidFile none',
    `AuthorizedKeysFile ${PLACE}/id.pub`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 100',
  ]
  const script = `
    cat >${PLACE}/config
    chmod 600 ${PLACE}/host; chown -R root:root ${PLACE}
    # not with useradd: /etc may be read-only
    { cat /etc/passwd; echo 'sshd:x:74:74::/run/sshd:/bin/false'; } >${PLACE}/passwd
    # an account that is locked is not let in with a key either
    sed 's/^tester:!/tester:*/' /etc/shadow >${PLACE}/shadow
    systemd-run --quiet --unit=${UNIT} --setenv=LD_LIBRARY_PATH=${PLACE} --property=KillMode=control-group \
      --property=RuntimeDirectory=sshd --property='BindReadOnlyPaths=${PLACE}/passwd:/etc/passwd ${PLACE}/shadow:/etc/shadow' --property=Restart=always ${PLACE}/sshd -D -e -f ${PLACE}/config`
  const { code, stderr } = await node.exec(['sh', '-c', script], { input: `${config.join('\n')}\n` })
  if (code !== 0) throw new Error(`no sshd in ${node.name}: ${stderr}`)
  await listening(node)
  const hostKey = readFileSync(join(directory, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ').trim()
  const printed = execFileSync('ssh-keygen', ['-lf', join(directory, 'host.pub')], { encoding: 'utf8' })
  const signal = async (name: string, whom: string) => {
    await node.exec(['systemctl', 'kill', `--signal=${name}`, ...(whom === '' ? [] : [whom]), UNIT])
  }
  return {
    hostKey,
    fingerprint: /SHA256:\S+/.exec(printed)?.[0] ?? '',
    keyFile: join(directory, 'id'),
    async killSessions() {
      // what was logged in to, and what runs in it
      await node.exec(['sh', '-c', 'for pid in $(pgrep -f "^sshd: root"); do kill -9 $pid; done'])
    },
    freeze: () => signal('SIGSTOP', ''),
    thaw: () => signal('SIGCONT', ''),
    remove,
  }
}

/** `tester` may do what root may, without a password. /etc must be writable. */
export async function installSudo(node: LabNode): Promise<void> {
  const deb = await extractDeb('bookworm', 'sudo')
  await copyIn(node, deb, ['usr/bin/sudo', 'usr/libexec/sudo'], '/')
  const script = `
    chown -R root:root /usr/bin/sudo /usr/libexec/sudo; chmod 4755 /usr/bin/sudo
    printf 'account required pam_permit.so\nsession required pam_permit.so\n' >/etc/pam.d/sudo
    echo 'tester ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers; chmod 440 /etc/sudoers`
  await node.run(['sh', '-c', script])
}

async function copyIn(
  node: LabNode,
  folder: string,
  names: readonly string[],
  to: string = PLACE,
): Promise<void> {
  const pack = spawn('tar', ['-C', folder, '-c', ...names], { stdio: ['ignore', 'pipe', 'inherit'] })
  const unpack = node.spawn(['tar', '-C', to, '-x'], { stdio: ['pipe', 'ignore', 'inherit'] })
  pack.stdout.pipe(unpack.stdin!)
  const [code] = await once(unpack, 'exit')
  if (code !== 0) throw new Error(`${names.join(', ')} cannot be put into ${node.name}`)
}

async function listening(node: LabNode): Promise<void> {
  const deadlineMs = performance.now() + 20_000
  for (;;) {
    const { stdout } = await node.exec(['sh', '-c', 'ss -Hltn sport = :22'])
    if (stdout.includes('LISTEN')) return
    if (performance.now() > deadlineMs) {
      const { stdout: log } = await node.exec(['journalctl', '--no-pager', '-u', UNIT])
      throw new Error(`sshd in ${node.name} does not listen:\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

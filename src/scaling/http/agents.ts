/** Connections that stay open between polls, shared by all sources that ask the same server the same way. */
import { createHash } from 'node:crypto'
import { Agent as PlainAgent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'

/** Whom to trust, and who we are. All PEM. */
export interface TlsSettings {
  /** Instead of the machine's own authorities. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly keyPassword?: string
  /** Any certificate will do. */
  readonly unsafeSsl?: boolean
}

export interface HttpAgents {
  plain(): PlainAgent
  secure(tls: TlsSettings): SecureAgent
  /** Ends the connections that are idle; those in use end with their requests. */
  close(): void
}

/** To one server at a time. Prometheus works on 20 queries at once; a thousand sources must not open a thousand sockets. */
const MAX_SOCKETS = 32

export function httpAgents(): HttpAgents {
  const settings = { keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' as const }
  const secure = new Map<string, SecureAgent>()
  const plain = new PlainAgent(settings)
  return {
    plain: () => plain,
    secure(tls) {
      // the key of a map outlives its source: it is a digest, since a private key is part of it
      const text = JSON.stringify([tls.ca, tls.cert, tls.key, tls.keyPassword, tls.unsafeSsl === true])
      const name = createHash('sha256').update(text).digest('base64')
      let agent = secure.get(name)
      if (agent === undefined) {
        agent = new SecureAgent({
          ...settings,
          ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
          ...(tls.keyPassword === undefined ? {} : { passphrase: tls.keyPassword }),
          ...(tls.unsafeSsl ? { rejectUnauthorized: false } : {}),
        })
        secure.set(name, agent)
      }
      return agent
    },
    close() {
      plain.destroy()
      for (const agent of secure.values()) agent.destroy()
      secure.clear()
    },
  }
}

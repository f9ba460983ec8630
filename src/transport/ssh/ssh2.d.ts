/** What is used of ssh2, which brings no types of its own. */
declare module 'ssh2' {
  import type { EventEmitter } from 'node:events'
  import type { Duplex, Readable } from 'node:stream'

  namespace ssh2 {
    /** Its `destroy` closes it. `close` comes once both of its outputs were read to the end. */
    export interface Channel extends Duplex {
      readonly stderr: Readable
      close(): void
    }

    export type ChannelCallback = (error: ChannelError | undefined, channel: Channel) => void

    export interface ChannelError extends Error {
      /** RFC 4254, section 5.1: 1 prohibited, 2 connect failed, 3 unknown type, 4 resource shortage. */
      readonly reason?: number | string
    }

    export interface ParsedKey {
      readonly type: string
      readonly comment: string
      getPublicSSH(): Buffer
      isPrivateKey(): boolean
    }

    /** `level`: `client-socket`, `client-timeout`, `client-authentication`, `handshake`, `protocol`, `agent`. */
    export interface ClientError extends Error {
      readonly level?: string
    }

    export type AuthMethod =
      | { readonly type: 'publickey'; readonly username: string; readonly key: string | Buffer }
      | { readonly type: 'agent'; readonly username: string; readonly agent: OpenSSHAgent }
      | { readonly type: 'none'; readonly username: string }

    export interface ConnectConfig {
      readonly sock: Duplex
      readonly username: string
      readonly hostVerifier: (key: Buffer) => boolean
      /** Called for each attempt; `false` gives up. `methodsLeft` is null before the first answer. */
      readonly authHandler: (methodsLeft: readonly string[] | null) => AuthMethod | false
      readonly algorithms?: { readonly serverHostKey?: readonly string[] }
      /** 0: none. */
      readonly readyTimeout: number
      readonly keepaliveInterval: number
      readonly keepaliveCountMax: number
      readonly strictVendor: boolean
    }

    export class Client extends EventEmitter {
      connect(config: ConnectConfig): this
      exec(command: string, callback: ChannelCallback): this
      forwardOut(
        fromHost: string,
        fromPort: number,
        host: string,
        port: number,
        callback: ChannelCallback,
      ): this
      openssh_forwardOutStreamLocal(socketPath: string, callback: ChannelCallback): this
      setNoDelay(noDelay: boolean): this
      end(): this
      destroy(): this
    }

    export type AgentKey = ParsedKey | Buffer

    export class OpenSSHAgent {
      constructor(socketPath: string)
      /** Connects to the agent for one request. */
      getStream(callback: (error: Error | null, stream?: Duplex) => void): void
      getIdentities(callback: (error: Error | null | undefined, keys?: readonly AgentKey[]) => void): void
    }

    export const utils: {
      parseKey(data: string | Buffer, passphrase?: string): ParsedKey | Error
    }
  }

  export = ssh2
}

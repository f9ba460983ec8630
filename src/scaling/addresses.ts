/** Addresses of servers in parameters: `host:port`, several separated by commas. */
import { NsctlError } from '../core/errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** @param parameter its name, for the error: Invalid */
export function readAddress(text: string, parameter: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:/@\s[\]]+)):(\d{1,5})$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65535) {
    // what is in the way may be credentials of a URL
    const shown = text.includes('@') ? 'what is given' : `"${text}"`
    throw new NsctlError('Invalid', `${parameter}: ${shown} is no host:port`, { value: parameter })
  }
  return { host, port }
}

export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

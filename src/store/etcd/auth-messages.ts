/** The messages of etcd's Auth and Maintenance services that are needed to give a node a user of its own, with the field numbers of rpc.proto and auth.proto. */
import type { ByteRange } from './messages.ts'
import { Fields, Message } from './wire.ts'

export const AUTH_METHODS = {
  userAdd: '/etcdserverpb.Auth/UserAdd',
  userDelete: '/etcdserverpb.Auth/UserDelete',
  userChangePassword: '/etcdserverpb.Auth/UserChangePassword',
  userGrantRole: '/etcdserverpb.Auth/UserGrantRole',
  userList: '/etcdserverpb.Auth/UserList',
  roleAdd: '/etcdserverpb.Auth/RoleAdd',
  roleDelete: '/etcdserverpb.Auth/RoleDelete',
  roleGrant: '/etcdserverpb.Auth/RoleGrantPermission',
  status: '/etcdserverpb.Maintenance/Status',
} as const

export type AuthMethod = (typeof AUTH_METHODS)[keyof typeof AUTH_METHODS]

const READ = 0
const READ_WRITE = 2

export const EMPTY = Buffer.alloc(0)

/** Of all that take one or two texts: a user and a password, a user and a role, a name. */
export function encodeTexts(first: string, second = ''): Buffer {
  return new Message().text(1, first).text(2, second).encode()
}

export function encodeGrant(role: string, { key, end }: ByteRange, isWrite: boolean): Buffer {
  const permission = new Message().int(1, isWrite ? READ_WRITE : READ).bytes(2, key)
  if (end !== undefined) permission.bytes(3, end)
  return new Message().text(1, role).message(2, permission).encode()
}

export function decodeUsers(answer: Buffer): readonly string[] {
  const fields = new Fields(answer)
  const users: string[] = []
  while (fields.next()) if (fields.field === 2) users.push(fields.text())
  return users
}

/** `3.5.33`. */
export function decodeVersion(answer: Buffer): string {
  const fields = new Fields(answer)
  while (fields.next()) if (fields.field === 2) return fields.text()
  return ''
}

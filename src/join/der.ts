/** As much of ASN.1's distinguished encoding as a certificate of ours needs (X.690). It is written only: what others encode OpenSSL reads. */

/** An encoded value. */
export type Der = Buffer

function tagged(tag: number, content: Buffer): Der {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const digits: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) digits.unshift(left % 256)
  return Buffer.concat([Buffer.from([tag, 0x80 + digits.length, ...digits]), content])
}

export function sequence(...parts: readonly Der[]): Der {
  return tagged(0x30, Buffer.concat(parts))
}

export function set(...parts: readonly Der[]): Der {
  return tagged(0x31, Buffer.concat(parts))
}

/** A positive integer from its bytes, the highest first. */
export function integer(bytes: Buffer): Der {
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from++
  const plain = bytes.subarray(from)
  // a first bit that is set would make it negative
  return tagged(0x02, (plain[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), plain]) : plain)
}

export function boolean(value: boolean): Der {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]))
}

export function octets(content: Buffer): Der {
  return tagged(0x04, content)
}

export function bits(content: Buffer, unused = 0): Der {
  return tagged(0x03, Buffer.concat([Buffer.from([unused]), content]))
}

export function text(value: string): Der {
  return tagged(0x0c, Buffer.from(value))
}

/** `2.5.4.3`. */
export function objectId(id: string): Der {
  const [first = 0, second = 0, ...rest] = id.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const digits = [part % 128]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left % 128) + 128)
    bytes.push(...digits)
  }
  return tagged(0x06, Buffer.from(bytes))
}

/** To the second: in two digits of the year until 2049, as RFC 5280 has it. */
export function time(atMs: number): Der {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)
  const isNear = Number(digits.slice(0, 4)) < 2050
  return isNear ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tagged(0x18, Buffer.from(`${digits}Z`))
}

/** A member that is told by its number, around an encoded value. */
export function explicit(number: number, content: Der): Der {
  return tagged(0xa0 + number, content)
}

/** A member that is told by its number alone, in place of the tag of its content. */
export function implicit(number: number, content: Buffer): Der {
  return tagged(0x80 + number, content)
}

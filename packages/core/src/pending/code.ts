import { randomBytes, timingSafeEqual } from 'node:crypto'

// Crockford's Base32: five bits a symbol (AAuth 11.6.3.1).
const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const codeBytes = 5

/** A new interaction code: eight symbols, forty bits, from a cryptographic source. */
export function newCode(): string {
  let bits = 0n
  for (const byte of randomBytes(codeBytes)) bits = (bits << 8n) | BigInt(byte)
  let code = ''
  for (let i = 0; i < (codeBytes * 8) / 5; i++) {
    code = symbols[Number(bits & 31n)] + code
    bits >>= 5n
  }
  return code
}

/** A typed code in the form used for comparison. Never throws: other text matches no code. */
export function normaliseCode(typed: string): string {
  return typed.slice(0, 64).replaceAll('-', '').toUpperCase().replace(/[IL]/g, '1').replaceAll('O', '0')
}

/** Whether a typed code is this code; compared in constant time. */
export function isCode(typed: string, code: string): boolean {
  const given = Buffer.from(normaliseCode(typed))
  const wanted = Buffer.from(code)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

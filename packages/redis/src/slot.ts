/** The number of slots of a Redis cluster. */
export const slots = 16_384

/** The slot of a key: CRC16 (XMODEM) of it, or of the text in its first braces (Redis cluster specification). */
export function slotOf(key: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
    crc &= 0xffff
  }
  return crc % slots
}

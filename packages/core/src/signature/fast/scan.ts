/** The fields that the fast path reads, found in one pass over the field lines. */
export interface FieldScan {
  /** The number of `Host` and `:authority` lines. */
  hosts: number
  host: string
  input: string | undefined
  signature: string | undefined
  key: string | undefined
  /** Whether one of the three fields has several lines. */
  repeated: boolean
  /** Whether there is an `Authorization` field. */
  authorization: boolean
  /** Whether content is announced (RFC 9112, 6.3). */
  content: boolean
}

/** Finds the fields of {@link FieldScan}. It compares each field name once, mostly by its length. */
export function scanFields(rawHeaders: readonly string[]): FieldScan {
  const scan: FieldScan = {
    hosts: 0,
    host: '',
    input: undefined,
    signature: undefined,
    key: undefined,
    repeated: false,
    authorization: false,
    content: false,
  }
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    switch (name.length) {
      case 4:
        if (isNamed(name, 'host', 'Host')) noteHost(scan, rawHeaders[i + 1] as string)
        break
      case 9:
        if (isNamed(name, 'signature', 'Signature')) {
          scan.repeated ||= scan.signature !== undefined
          scan.signature = rawHeaders[i + 1] as string
        }
        break
      case 10:
        if (isNamed(name, ':authority', ':Authority')) noteHost(scan, rawHeaders[i + 1] as string)
        break
      case 13:
        if (isNamed(name, 'signature-key', 'Signature-Key')) {
          scan.repeated ||= scan.key !== undefined
          scan.key = rawHeaders[i + 1] as string
        } else if (isNamed(name, 'authorization', 'Authorization')) scan.authorization = true
        break
      case 14:
        if (isNamed(name, 'content-length', 'Content-Length')) scan.content ||= rawHeaders[i + 1] !== '0'
        break
      case 15:
        if (isNamed(name, 'signature-input', 'Signature-Input')) {
          scan.repeated ||= scan.input !== undefined
          scan.input = rawHeaders[i + 1] as string
        }
        break
      case 17:
        if (isNamed(name, 'transfer-encoding', 'Transfer-Encoding')) scan.content = true
        break
      default:
    }
  }
  return scan
}

function noteHost(scan: FieldScan, value: string): void {
  scan.hosts++
  scan.host = value
}

/**
 * Whether it is that field, in any case. Its length is known to match. Nearly every client writes it in one of two ways, and
 * comparing whole strings costs a quarter of comparing letters. Converting it to lower case would cost more than either.
 */
function isNamed(name: string, wanted: string, titled: string): boolean {
  return name === wanted || name === titled || isSpelt(name, wanted)
}

function isSpelt(name: string, wanted: string): boolean {
  for (let i = 0; i < wanted.length; i++) {
    const code = name.charCodeAt(i)
    const isUpper = code >= 0x41 && code <= 0x5a
    if ((isUpper ? code | 0x20 : code) !== wanted.charCodeAt(i)) return false
  }
  return true
}

/** The fields that the fast path reads, found in one pass over the field lines. */
export interface FieldScan {
  /** How many `Host` and `:authority` lines there are. */
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

/** Finds the fields of {@link FieldScan}. It looks at each field name once; the length tells most of them apart. */
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
    const look = lookers[name.length]
    if (look !== undefined) look(scan, name, rawHeaders[i + 1] as string)
  }
  return scan
}

type Look = (scan: FieldScan, name: string, value: string) => void

const host = (scan: FieldScan, value: string): void => {
  scan.hosts++
  scan.host = value
}

/** By the length of the name. */
const lookers: readonly (Look | undefined)[] = Object.assign(
  new Array<Look | undefined>(18).fill(undefined),
  {
    4: (scan, name, value) => {
      if (isNamed(name, 'host')) host(scan, value)
    },
    9: (scan, name, value) => {
      if (!isNamed(name, 'signature')) return
      scan.repeated ||= scan.signature !== undefined
      scan.signature = value
    },
    10: (scan, name, value) => {
      if (isNamed(name, ':authority')) host(scan, value)
    },
    13: (scan, name, value) => {
      if (isNamed(name, 'authorization')) scan.authorization = true
      if (!isNamed(name, 'signature-key')) return
      scan.repeated ||= scan.key !== undefined
      scan.key = value
    },
    14: (scan, name, value) => {
      if (isNamed(name, 'content-length')) scan.content ||= value !== '0'
    },
    15: (scan, name, value) => {
      if (!isNamed(name, 'signature-input')) return
      scan.repeated ||= scan.input !== undefined
      scan.input = value
    },
    17: (scan, name) => {
      if (isNamed(name, 'transfer-encoding')) scan.content = true
    },
  } satisfies Record<number, Look>,
)

/** Whether it is that field, in any case; of the right length already. A copy in lower case would cost more. */
function isNamed(name: string, wanted: string): boolean {
  for (let i = 0; i < wanted.length; i++) {
    const code = name.charCodeAt(i)
    const isUpper = code >= 0x41 && code <= 0x5a
    if ((isUpper ? code | 0x20 : code) !== wanted.charCodeAt(i)) return false
  }
  return true
}

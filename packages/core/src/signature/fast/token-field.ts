import { PresentedJwt } from '../key-scheme.js'

/** How many values of `Signature-Key` are remembered: this many sets, with this many values each. */
const sets = 128
const ways = 4
/**
 * Limit on the characters of all values in one set, four times the usual: two megabytes for all sets. A long value
 * displaces others.
 */
const charactersOfSet = 16_384

interface Slot {
  readonly text: string
  readonly label: string
  readonly key: PresentedJwt
  /** Taken from the text; distinguishes nearly all values before they are compared. */
  readonly mark: number
}

// An agent sends the same bytes again and again, and comparing them costs less than scanning and hashing them. The
// result depends only on the bytes, so all servers share it, and a stranger who displaces a value costs only time.
// Several values per set, because with one slot each, a fifth of a hundred agents would displace another.
const seen = new Array<Slot | undefined>(sets * ways).fill(undefined)
const next = new Uint8Array(sets)

/** The token in a `Signature-Key` of the usual form, `sig=jwt;jwt="…"`; `undefined` for any other. */
export function readTokenField(text: string, label: string): PresentedJwt | undefined {
  const mark = markOf(text)
  const set = mark & (sets - 1)
  const first = set * ways
  for (let place = first; place < first + ways; place++) {
    const slot = seen[place]
    if (slot !== undefined && slot.mark === mark && slot.text === text && slot.label === label)
      return slot.key
  }
  const jwt = tokenText(text, label)
  if (jwt === undefined) return undefined
  const key = new PresentedJwt(jwt)
  if (text.length <= charactersOfSet) remember({ text, label, key, mark }, set)
  return key
}

/** Replaces the oldest value, and as many after it as the length requires. */
function remember(slot: Slot, set: number): void {
  const first = set * ways
  const way = next[set] as number
  seen[first + way] = slot
  next[set] = (way + 1) % ways
  let characters = 0
  for (let place = first; place < first + ways; place++) characters += seen[place]?.text.length ?? 0
  for (let after = 1; characters > charactersOfSet; after++) {
    const place = first + ((way + after) % ways)
    characters -= seen[place]?.text.length ?? 0
    seen[place] = undefined
  }
}

// The characters of an RFC 8941 String that need no escape.
const plainString = /^[ !#-[\]-~]*$/

function tokenText(text: string, label: string): string | undefined {
  const start = label.length + 10
  if (!text.startsWith(label) || !text.startsWith('=jwt;jwt="', label.length) || !text.endsWith('"'))
    return undefined
  const jwt = text.slice(start, -1)
  return text.length > start && plainString.test(jwt) ? jwt : undefined
}

/** Taken from the end of the token's signature, where tokens differ most. The very last character has only two bits. */
function markOf(text: string): number {
  let mark = text.length
  for (let i = Math.max(0, text.length - 9); i < text.length - 2; i++)
    mark = (Math.imul(mark, 31) + text.charCodeAt(i)) | 0
  return mark ^ (mark >>> 15)
}

import { PresentedJwt } from '../key-scheme.js'

/** How many values of `Signature-Key` are remembered: so many sets, of so many each. */
const sets = 128
const ways = 4
/** Characters that the values of one set may have together, four times what is usual: two megabytes for all sets. A long value takes the room of others. */
const charactersOfSet = 16_384

interface Slot {
  readonly text: string
  readonly label: string
  readonly key: PresentedJwt
  /** Of the text; tells nearly all apart before they are compared. */
  readonly mark: number
}

// An agent that comes back sends the same bytes: comparing them costs less than looking through and hashing them again.
// What is found depends on the bytes alone, so all servers share it, and a stranger who takes a slot takes only time. In
// sets, since of a hundred agents with one slot each a fifth would push out another.
const seen = new Array<Slot | undefined>(sets * ways).fill(undefined)
const next = new Uint8Array(sets)

/** The token in a `Signature-Key` of the usual shape, `sig=jwt;jwt="…"`; `undefined` for every other. */
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

/** In the place of the oldest, and of as many after it as its length takes. */
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

// What an RFC 8941 String may hold without an escape.
const plainString = /^[ !#-[\]-~]*$/

function tokenText(text: string, label: string): string | undefined {
  const start = label.length + 10
  if (!text.startsWith(label) || !text.startsWith('=jwt;jwt="', label.length) || !text.endsWith('"'))
    return undefined
  const jwt = text.slice(start, -1)
  return text.length > start && plainString.test(jwt) ? jwt : undefined
}

/** From the end of the token's signature, where tokens differ most; the very last character has but two bits. */
function markOf(text: string): number {
  let mark = text.length
  for (let i = Math.max(0, text.length - 9); i < text.length - 2; i++)
    mark = (Math.imul(mark, 31) + text.charCodeAt(i)) | 0
  return mark ^ (mark >>> 15)
}

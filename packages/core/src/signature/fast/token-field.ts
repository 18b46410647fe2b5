import { PresentedJwt } from '../key-scheme.js'

/** How many values of `Signature-Key` are remembered. */
const slots = 512
/** Characters of the longest that is remembered, four times what is usual: two megabytes for all together. */
const longest = 4096

interface Slot {
  readonly text: string
  readonly label: string
  readonly key: PresentedJwt
}

// An agent that comes back sends the same bytes: comparing them costs less than looking through and hashing them again.
// What is found depends on the bytes alone, so all servers share it, and a stranger who takes a slot takes only time.
const seen = new Array<Slot | undefined>(slots).fill(undefined)

/** The token in a `Signature-Key` of the usual shape, `sig=jwt;jwt="…"`; `undefined` for every other. */
export function readTokenField(text: string, label: string): PresentedJwt | undefined {
  const place = placeOf(text)
  const slot = seen[place]
  if (slot !== undefined && slot.text === text && slot.label === label) return slot.key
  const jwt = tokenText(text, label)
  if (jwt === undefined) return undefined
  const key = new PresentedJwt(jwt)
  if (text.length <= longest) seen[place] = { text, label, key }
  return key
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
function placeOf(text: string): number {
  const end = text.length - 3
  return (
    (text.charCodeAt(end) + 37 * text.charCodeAt(end - 1) + 1369 * text.charCodeAt(end - 2)) & (slots - 1)
  )
}

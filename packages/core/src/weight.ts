/**
 * About how many bytes of V8's heap a value of JSON takes, never much less: text is the least of it, since `{}` is two
 * characters and sixty bytes, and a member of a name that nobody else uses costs a shape of its own. Measured with
 * Node 20 to 26, 64 bits. Objects that occur twice are counted twice.
 *
 * @param most where counting ends: whatever weighs more is said to weigh more, not how much
 */
export function weightOf(value: unknown, most: number = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'string') return textWeight(value)
  if (typeof value !== 'object' || value === null) return numberBytes
  if (Array.isArray(value)) {
    let weight = arrayBytes
    for (const element of value) {
      weight += slotBytes + weightOf(element, most - weight)
      if (weight > most) break
    }
    return weight
  }
  let weight = objectBytes
  for (const name in value) {
    weight +=
      slotBytes + shapeBytes + name.length + weightOf((value as Record<string, unknown>)[name], most - weight)
    if (weight > most) break
  }
  return weight
}

// One character beyond Latin-1 makes all of a text take two bytes a character. In short ones it is not looked for.
function textWeight(text: string): number {
  const isNarrow = text.length > 64 && !beyondLatin1.test(text)
  return textBytes + (isNarrow ? text.length : 2 * text.length)
}

const beyondLatin1 = /[\u0100-\uffff]/
const textBytes = 24
const numberBytes = 16
const slotBytes = 8
const arrayBytes = 48
const objectBytes = 64
/** What a member takes whose name nobody else uses: the name, and its place in the shape of its object. */
export const shapeBytes = 152

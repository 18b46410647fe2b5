/**
 * About how many bytes of V8's heap a value of JSON takes, never much less: text is the least of it, since `{}` is two
 * characters and sixty bytes, and a member of a name that nobody else uses costs a shape of its own. Measured with
 * Node 20 to 26, 64 bits. Objects that occur twice are counted twice.
 *
 * @param most where counting ends: whatever weighs more is said to weigh more, not how much
 */
export function weightOf(value: unknown, most: number = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'string') return textBytes + 2 * value.length
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
    weight += memberBytes + name.length + weightOf((value as Record<string, unknown>)[name], most - weight)
    if (weight > most) break
  }
  return weight
}

/** Two bytes a character: one that is not Latin-1 makes all of a text so, and looking for it costs more than it saves. */
const textBytes = 24
const numberBytes = 16
const slotBytes = 8
const arrayBytes = 48
const objectBytes = 64
/** The slot, the name and its place in the shape. */
const memberBytes = 160

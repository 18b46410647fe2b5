/**
 * The known name that was probably meant, for an error about an unknown one.
 *
 * @returns `undefined` if none is similar: it must begin with the name, or differ in at most a third of its letters
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // A name this long is no typing error.
  if (name.length > 64) return undefined
  const given = plain(name)
  const most = Math.max(1, Math.floor(given.length / 3))
  let found: string | undefined
  let least = most + 1
  for (const candidate of known) {
    const meant = plain(candidate)
    const isBeginning = given.length >= 4 && meant.startsWith(given)
    const distance = isBeginning ? 1 : edits(given, meant)
    if (distance >= least) continue
    least = distance
    found = candidate
  }
  return found
}

/** For the end of an error about an unknown name: `; did you mean signingKeys?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = nearest(name, known)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

const plain = (name: string): string => name.replaceAll(/[_-]/g, '').toLowerCase()

/** The number of letters to insert, remove, replace, or swap with the next one (Damerau and Levenshtein). */
function edits(one: string, two: string): number {
  if (Math.abs(one.length - two.length) > 32) return Number.POSITIVE_INFINITY
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: two.length + 1 }, (_, place) => place)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= two.length; j++) {
      const same = one[i - 1] === two[j - 1] ? 0 : 1
      const isSwap = i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1]
      next[j] = Math.min(
        (row[j] as number) + 1,
        (next[j - 1] as number) + 1,
        (row[j - 1] as number) + same,
        isSwap ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    before = row
    row = next
  }
  return row[two.length] as number
}

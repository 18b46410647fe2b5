/** Says which of our languages suits an `Accept-Language` field best. */
export type LanguageChooser = (field: string | undefined) => string

/** The most characters of the field, and the most languages in it, that are read. */
const longest = 1024
const most = 32

/**
 * Creates a chooser (RFC 9110, 12.5.4; RFC 4647, 3.4): of the languages that are asked for, by their quality and then in
 * their order, the first that we have, in whatever region; otherwise the first of ours that is not refused by `q=0`.
 *
 * @param ours our languages, at least one, as canonical tags
 */
export function createLanguageChooser(ours: readonly string[]): LanguageChooser {
  const exact = new Map(ours.map((tag) => [tag.toLowerCase(), tag]))
  // Whoever has asked for `pt` and can have `pt-BR` shall have that; for `zh-TW`, nothing in another script.
  const written = new Map(ours.map((tag) => [writtenOf(tag), tag] as const).reverse())
  const fit = (range: string): string | undefined => {
    for (let tag = range; tag !== ''; tag = tag.slice(0, Math.max(tag.lastIndexOf('-'), 0))) {
      const found = exact.get(tag)
      if (found !== undefined) return found
    }
    const form = writtenOf(range)
    return form === undefined ? undefined : written.get(form)
  }
  const first = ours[0] as string
  return (field) => {
    if (field === undefined || ours.length === 1) return first
    const asked = readRanges(field)
    const refused = new Set(asked.filter(({ quality }) => quality === 0).map(({ range }) => exact.get(range)))
    const allowed = ours.find((tag) => !refused.has(tag)) ?? first
    for (const { range, quality } of asked) {
      if (quality === 0) break
      const found = range === '*' ? allowed : fit(range)
      if (found !== undefined && !refused.has(found)) return found
    }
    return allowed
  }
}

interface Range {
  /** In lower case; `*`: any. */
  readonly range: string
  readonly quality: number
}

const rangeForm = /^(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)[ \t]*(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

/** What a field asks for, the best first. What is malformed is left out. */
function readRanges(field: string): Range[] {
  return field
    .slice(0, longest)
    .toLowerCase()
    .split(',', most)
    .flatMap((each) => {
      const [, range, quality = '1'] = rangeForm.exec(each.trim()) ?? []
      return range === undefined ? [] : [{ range, quality: Number(quality) }]
    })
    .sort((a, b) => b.quality - a.quality)
}

/** A language and the script it is written in; `undefined` for what is no language tag. */
function writtenOf(tag: string): string | undefined {
  const { language, script } = localeOf(tag)?.maximize() ?? {}
  return language === undefined ? undefined : `${language}-${script}`
}

/** A language tag as the runtime knows it; `undefined` for what is none. */
export function localeOf(tag: string): Intl.Locale | undefined {
  try {
    return new Intl.Locale(tag)
  } catch {
    return undefined
  }
}

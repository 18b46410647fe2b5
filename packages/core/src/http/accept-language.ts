/** Finds our language that suits an `Accept-Language` field best. */
export type LanguageChooser = (field: string | undefined) => string

/** Limit on the characters of the field, and on its languages. */
const longest = 1024
const most = 32

/**
 * Creates a chooser (RFC 9110, 12.5.4; RFC 4647, 3.4). Of the languages asked for, by quality and then in order, it
 * returns the first that we have, in any region; otherwise the first of ours that `q=0` does not refuse.
 *
 * @param ours our languages, at least one, as canonical tags
 */
export function createLanguageChooser(ours: readonly string[]): LanguageChooser {
  const exact = new Map(ours.map((tag) => [tag.toLowerCase(), tag]))
  // A request for `pt` gets `pt-BR` if we have that; one for `zh-TW` gets nothing in another script.
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
  /** In lower case; `*` for any. */
  readonly range: string
  readonly quality: number
}

const rangeForm = /^(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)[ \t]*(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/

/** The languages that a field asks for, the best first. Malformed ones are ignored. */
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

/** A language and its script; `undefined` if the text is no language tag. */
function writtenOf(tag: string): string | undefined {
  const { language, script } = localeOf(tag)?.maximize() ?? {}
  return language === undefined ? undefined : `${language}-${script}`
}

/** A language tag as a locale; `undefined` if it is invalid. */
export function localeOf(tag: string): Intl.Locale | undefined {
  try {
    return new Intl.Locale(tag)
  } catch {
    return undefined
  }
}

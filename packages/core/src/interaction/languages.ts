import { z } from '../configuration/schema.js'
import { createLanguageChooser, localeOf } from '../http/accept-language.js'
import { fieldValue, type HttpRequest } from '../http/message.js'
import { englishMessages, type MessageKey, type PageMessages, placeholdersOf } from './messages.js'

/**
 * The page in one language. Sentences that are left out are taken from the language without its region (`de` for `de-AT`),
 * otherwise they are English.
 */
export interface PageTranslation extends Partial<PageMessages> {
  /** What each of our scopes means to a person; the texts of the option `scopes` where left out. */
  readonly scopes?: Readonly<Record<string, string>>
  /** The name of the site; `display.name` where left out. */
  readonly siteName?: string
}

/** A language of the page, complete. */
export interface Language {
  /** The canonical language tag: `de-AT`. */
  readonly tag: string
  readonly direction: 'ltr' | 'rtl'
  readonly messages: PageMessages
  /** Those of the sentences that are English for want of a translation. */
  readonly untranslated: ReadonlySet<MessageKey>
  readonly scopes: ReadonlyMap<string, string>
  readonly siteName: string | undefined
}

/** The languages of the page. */
export interface Languages {
  /** The language of the page for whoever sent a request. */
  of(request: HttpRequest): Language
  /** Whether that depends on the request's `Accept-Language`. */
  readonly vary: boolean
}

/** What the application says about languages. */
export interface LanguageOptions {
  readonly messages?: Readonly<Record<string, PageTranslation>>
  readonly language?: string
}

/**
 * Creates the languages from what the application has translated, and English.
 *
 * @throws TypeError where a scope is translated that is none of ours
 */
export function createLanguages(
  { messages = {}, language }: LanguageOptions,
  scopes: ReadonlyMap<string, string>,
): Languages {
  const given = new Map<string, PageTranslation>()
  for (const [tag, translation] of Object.entries(messages)) {
    given.set(canonical(tag), translation)
    for (const scope of Object.keys(translation.scopes ?? {}))
      if (!scopes.has(scope))
        throw new TypeError(
          `option interaction.messages.${tag}.scopes.${scope}: is no scope of the option scopes`,
        )
  }
  const tags = [...new Set(['en', ...given.keys()])]
  const all = new Map(tags.map((tag) => [tag, complete(tag, given, scopes)]))
  const choose = createLanguageChooser(language === undefined ? tags : [canonical(language)])
  return {
    of: ({ rawHeaders }) => all.get(choose(fieldValue(rawHeaders, 'accept-language'))) as Language,
    vary: language === undefined && tags.length > 1,
  }
}

function complete(
  tag: string,
  given: ReadonlyMap<string, PageTranslation>,
  ours: ReadonlyMap<string, string>,
): Language {
  const messages: Record<MessageKey, string> = { ...englishMessages }
  const untranslated = new Set(isEnglish(tag) ? [] : keys)
  const scopes = new Map(ours)
  let siteName: string | undefined
  const parts = tag.split('-')
  for (let count = 1; count <= parts.length; count++) {
    const { scopes: described = {}, ...own } = given.get(parts.slice(0, count).join('-')) ?? {}
    siteName = own.siteName ?? siteName
    for (const [scope, text] of Object.entries(described)) scopes.set(scope, text)
    for (const key of keys) {
      const sentence = own[key]
      if (sentence === undefined) continue
      messages[key] = sentence
      untranslated.delete(key)
    }
  }
  return { tag, direction: directionOf(tag), messages, untranslated, scopes, siteName }
}

const keys = Object.keys(englishMessages) as MessageKey[]

const isEnglish = (tag: string): boolean => /^en(?:-|$)/.test(tag)

const rightToLeft: ReadonlySet<string | undefined> = new Set(
  'Adlm Arab Aran Hebr Mand Mend Nkoo Rohg Samr Syrc Thaa'.split(' '),
)

// By the script: `textInfo` of Node 20 and `getTextInfo()` of Node 24 are not the same function.
function directionOf(tag: string): 'ltr' | 'rtl' {
  return rightToLeft.has(localeOf(tag)?.maximize().script) ? 'rtl' : 'ltr'
}

/** A tag in its usual case. */
const canonical = (tag: string): string => localeOf(tag)?.toString() ?? tag

const languageTag = z.string().refine(isTag, 'must be a language tag: de, pt-BR')

function isTag(tag: string): boolean {
  const locale = localeOf(tag)
  return locale !== undefined && locale.baseName === locale.toString()
}

const text = z.string().regex(/\S/, 'must not be empty')

/** A sentence with exactly the placeholders of the English one: without one of them the person would not see all. */
function sentence(key: MessageKey): z.ZodType<string> {
  const names = placeholdersOf(englishMessages[key])
  const needs =
    names.length === 0
      ? 'must have no placeholders'
      : `must have the placeholders ${names.map((name) => `{${name}}`).join(', ')}, and no others`
  return text.refine(
    (given) => placeholdersOf(given).join() === names.join() && !/[{}]/.test(given.replace(/\{\w+\}/g, '')),
    needs,
  )
}

/** The schema of `messages`. */
export const messagesSchema: z.ZodType<Readonly<Record<string, object>>> = z
  .record(
    languageTag,
    z.strictObject({
      ...Object.fromEntries(keys.map((key) => [key, sentence(key).optional()])),
      scopes: z.record(z.string(), text).optional(),
      siteName: text.optional(),
    }),
  )
  .refine(
    (given) => new Set(Object.keys(given).map(canonical)).size === Object.keys(given).length,
    'must have each language once',
  )

/** The schema of `language`. */
export const languageSchema: z.ZodType<string> = languageTag

/** Whether the page can be in a language: it is translated, or English. */
export function isOneOf(language: string, messages: object = {}): boolean {
  return canonical(language) === 'en' || Object.keys(messages).map(canonical).includes(canonical(language))
}

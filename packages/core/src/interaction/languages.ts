import { z } from '../configuration/schema.js'
import { createLanguageChooser, localeOf } from '../http/accept-language.js'
import { fieldValue, type HttpRequest } from '../http/message.js'
import { englishMessages, type MessageKey, type PageMessages, placeholdersOf } from './messages.js'

/**
 * The page in one language. Missing sentences are taken from the language without its region (`de` for `de-AT`),
 * otherwise from English.
 */
export interface PageTranslation extends Partial<PageMessages> {
  /** The descriptions of our scopes; missing ones are taken from the option `scopes`. */
  readonly scopes?: Readonly<Record<string, string>>
  /** The name of the site. Default `display.name`. */
  readonly siteName?: string
}

/** A complete language of the page. */
export interface Language {
  /** The canonical language tag: `de-AT`. */
  readonly tag: string
  readonly direction: 'ltr' | 'rtl'
  readonly messages: PageMessages
  /** The sentences that are English because no translation was given. */
  readonly untranslated: ReadonlySet<MessageKey>
  readonly scopes: ReadonlyMap<string, string>
  readonly siteName: string | undefined
}

/** The languages of the page. */
export interface Languages {
  /** The language of the page for a request. */
  of(request: HttpRequest): Language
  /** Whether it depends on the request's `Accept-Language`. */
  readonly vary: boolean
}

/** The application's options for languages. */
export interface LanguageOptions {
  readonly messages?: Readonly<Record<string, PageTranslation>>
  readonly language?: string
}

/**
 * Creates the languages from the application's translations, and English.
 *
 * @throws TypeError when a translated scope is not one of ours
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

// Determined by the script, because `textInfo` (Node 20) and `getTextInfo()` (Node 24) differ.
function directionOf(tag: string): 'ltr' | 'rtl' {
  return rightToLeft.has(localeOf(tag)?.maximize().script) ? 'rtl' : 'ltr'
}

/** A language tag in canonical case. */
const canonical = (tag: string): string => localeOf(tag)?.toString() ?? tag

const languageTag = z.string().refine(isTag, 'must be a language tag: de, pt-BR')

function isTag(tag: string): boolean {
  const locale = localeOf(tag)
  return locale !== undefined && locale.baseName === locale.toString()
}

const text = z.string().regex(/\S/, 'must not be empty')

/** A sentence with exactly the placeholders of the English one. Without them the person would not see everything. */
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

/** Whether the page exists in a language: it is translated, or English. */
export function isOneOf(language: string, messages: object = {}): boolean {
  return canonical(language) === 'en' || Object.keys(messages).map(canonical).includes(canonical(language))
}

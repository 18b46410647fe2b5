/** An answer as a browser has it. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly text: string
}

export interface Form {
  readonly action: string
  readonly hidden: Readonly<Record<string, string>>
  /** Whether it is the consent page's. */
  readonly decides: boolean
}

/** The form of a page that is sent by `POST`, if it has one: where something is to be decided, that one. */
export function formOf({ text }: Page): Form | undefined {
  const found = [...text.matchAll(/<form\b([^>]*\bmethod=["']?post\b[^>]*)>(.*?)<\/form>/gis)]
  const forms = found.map(([, attributes = '', content = '']) => {
    const inputs = [...content.matchAll(/<input\b[^>]*\btype=["']?hidden\b[^>]*>/gi)]
    const hidden = inputs.map(([input]) => [attribute(input, 'name'), attribute(input, 'value')] as const)
    return {
      action: attribute(attributes, 'action'),
      hidden: Object.fromEntries(hidden),
      decides: /<button\b[^>]*\bname=["']?decision\b/i.test(content),
    }
  })
  return forms.find(({ decides }) => decides) ?? forms[0]
}

function attribute(element: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"|\\b${name}='([^']*)'`, 'i').exec(element)
  return (value?.[1] ?? value?.[2] ?? '').replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, entity: string) => {
    return { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }[entity] ?? ''
  })
}

/** That a page has not got what somebody came for, and what it says instead. */
export function nothingThere(what: string, page: Page | undefined): Error {
  if (page === undefined) return new Error(`visit: ${what}, for no page is open`)
  return new Error(`visit: there is ${what} at ${page.url}, which answered ${page.status}: ${textOf(page)}`)
}

/** What a page says, for an error. */
function textOf({ text }: Page): string {
  const body = text.replaceAll(/<(style|script|head)\b.*?<\/\1>/gis, ' ').replaceAll(/<[^>]*>/g, ' ')
  return body.replaceAll(/\s+/g, ' ').trim().slice(0, 200)
}

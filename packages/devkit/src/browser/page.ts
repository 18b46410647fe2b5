/** An answer, as a browser sees it. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly text: string
}

export interface Form {
  readonly action: string
  readonly hidden: Readonly<Record<string, string>>
  /** Whether it is the form of the consent page. */
  readonly decides: boolean
}

/** The form of a page that is sent with `POST`, if there is one; if there is something to decide, the form for that. */
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

/** The error for a page without the expected form, with the text of the page. */
export function nothingThere(what: string, page: Page | undefined): Error {
  if (page === undefined) return new Error(`visit: ${what}, for no page is open`)
  return new Error(`visit: there is ${what} at ${page.url}, which answered ${page.status}: ${textOf(page)}`)
}

/** The text of a page, for an error. */
function textOf({ text }: Page): string {
  const body = text.replaceAll(/<(style|script|head)\b.*?<\/\1>/gis, ' ').replaceAll(/<[^>]*>/g, ' ')
  return body.replaceAll(/\s+/g, ' ').trim().slice(0, 200)
}

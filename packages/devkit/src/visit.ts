/** What a person does on the pages that a link leads to. */
export interface VisitOptions {
  /** What they press on the consent page. Default: nothing, they only look. */
  readonly decision?: 'approve' | 'decline'
  /** Fields of every request to the resource: the cookie of your own login, for one. */
  readonly headers?: Readonly<Record<string, string>>
  /** What they type into a form of your own that stands before the consent page, such as that of your login: by input name. */
  readonly form?: Readonly<Record<string, string>>
}

/** Where a visit ended. */
export interface Visited {
  /** The address of the last answer. A redirect to another host is not followed: it is that answer's `Location`. */
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Redirects and pages of one visit; a browser gives up as well. */
const mostSteps = 20

/** A browser without a screen: cookies, forms, and redirects that are followed only within the host of the link. */
class Browser {
  readonly #fetch: typeof globalThis.fetch
  readonly #headers: Readonly<Record<string, string>>
  readonly #cookies = new Map<string, string>()

  constructor(fetch: typeof globalThis.fetch, headers: Readonly<Record<string, string>> = {}) {
    this.#fetch = fetch
    this.#headers = headers
  }

  /** One request; no redirect is followed. */
  async request(url: URL, init: RequestInit = {}): Promise<Visited> {
    const headers = new Headers({ Accept: 'text/html', ...this.#headers })
    new Headers(init.headers).forEach((value, name) => {
      headers.set(name, value)
    })
    const cookies = [headers.get('Cookie') ?? [], ...[...this.#cookies].map((pair) => pair.join('='))].flat()
    if (cookies.length > 0) headers.set('Cookie', cookies.join('; '))
    const response = await this.#fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
      if (name !== '') this.#cookies.set(name.trim(), value)
    }
    return { url: url.href, status: response.status, headers: response.headers, text: await response.text() }
  }

  /** Follows a link, or sends a form, to the first answer that is no redirect within its host. */
  async follow(from: URL, init: RequestInit = {}): Promise<Visited> {
    let visited = await this.request(from, init)
    for (let step = 0; step < mostSteps; step++) {
      const location = visited.headers.get('location')
      const isRedirect = visited.status >= 300 && visited.status < 400
      if (!isRedirect || location === null) return visited
      const next = new URL(location, visited.url)
      if (next.origin !== from.origin) return visited
      visited = await this.request(next)
    }
    throw new Error(`visit: ${from.host} redirects in circles`)
  }
}

/** Opens a link as a person would in their browser, and decides there. */
export async function visit(
  fetch: typeof globalThis.fetch,
  link: string,
  { decision, headers, form }: VisitOptions = {},
): Promise<Visited> {
  const browser = new Browser(fetch, headers)
  let page = await browser.follow(new URL(link))
  if (form !== undefined && formOf(page)?.decides === false) page = await submit(browser, page, form)
  if (decision === undefined) return page
  if (formOf(page)?.decides !== true)
    throw new Error(
      `visit: there is nothing to decide at ${page.url}, which answered ${page.status}: ${textOf(page)}`,
    )
  return submit(browser, page, { decision })
}

function submit(browser: Browser, page: Visited, typed: Readonly<Record<string, string>>): Promise<Visited> {
  const form = formOf(page)
  return browser.follow(new URL(form?.action ?? '', page.url), {
    method: 'POST',
    body: new URLSearchParams({ ...form?.hidden, ...typed }),
  })
}

interface Form {
  readonly action: string
  readonly hidden: Readonly<Record<string, string>>
  /** Whether it is the consent page's. */
  readonly decides: boolean
}

/** The first form of a page that is sent by `POST`, if it has one. */
function formOf({ text }: Visited): Form | undefined {
  const [, attributes = '', content = ''] =
    /<form\b([^>]*\bmethod=["']?post\b[^>]*)>(.*?)<\/form>/is.exec(text) ?? []
  if (attributes === '') return undefined
  const inputs = [...content.matchAll(/<input\b[^>]*\btype=["']?hidden\b[^>]*>/gi)]
  const hidden = inputs.map(([input]) => [attribute(input, 'name'), attribute(input, 'value')] as const)
  return {
    action: attribute(attributes, 'action'),
    hidden: Object.fromEntries(hidden),
    decides: /<button\b[^>]*\bname=["']?decision\b/i.test(content),
  }
}

function attribute(element: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"|\\b${name}='([^']*)'`, 'i').exec(element)
  return (value?.[1] ?? value?.[2] ?? '').replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, entity: string) => {
    return { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }[entity] ?? ''
  })
}

/** What a page says, for an error. */
function textOf({ text }: Visited): string {
  const body = text.replaceAll(/<(style|script|head)\b.*?<\/\1>/gis, ' ').replaceAll(/<[^>]*>/g, ' ')
  return body.replaceAll(/\s+/g, ' ').trim().slice(0, 200)
}

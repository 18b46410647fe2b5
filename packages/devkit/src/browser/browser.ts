import { CookieJar } from './cookies.js'
import { formOf, nothingThere } from './page.js'

/** What a person does on the pages of a link. */
export interface VisitOptions {
  /**
   * The button to press on the consent page; `continue` is on the page that says that the person is already
   * connected. Default: none, the person only looks.
   */
  readonly decision?: 'approve' | 'decline' | 'continue'
  /**
   * Fields of every request to a resource, such as the cookie of your own login. The town's own servers do not get
   * them.
   */
  readonly headers?: Readonly<Record<string, string>>
  /** Input for a form of your own before the consent page, such as your login, by input name. */
  readonly form?: Readonly<Record<string, string>>
}

/** Where a visit ended. */
export interface Visited {
  /** The URL of the last answer. A redirect to a host outside the town is not followed; then this is its `Location`. */
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** The browser's view of its town. */
export interface Surroundings {
  readonly fetch: typeof globalThis.fetch
  /** The port of a host of the town; `undefined` for other hosts. */
  readonly portOf: (host: string) => number | undefined
  /** Whether a host is one of the town's own servers, not a resource. */
  readonly isServer: (host: string) => boolean
  /** Milliseconds; cookies expire by the town's clock. */
  readonly clock: () => number
}

/** Limit on the redirects of one visit, like in real browsers. */
const mostRedirects = 20

/**
 * A person's browser without a screen or scripts: forms, redirects from one host of the town to the next, and the
 * cookies of each host. A person who signs in stays signed in. Two browsers share nothing. `town.browser()` opens
 * one.
 */
export class Browser {
  readonly #town: Surroundings
  readonly #cookies: CookieJar
  #page: Visited | undefined

  /** @internal Use `town.browser`. */
  constructor(town: Surroundings) {
    this.#town = town
    this.#cookies = new CookieJar(town.clock)
  }

  /** The open page; `undefined` before the first. */
  get page(): Visited | undefined {
    return this.#page
  }

  /**
   * Opens a link, or an address relative to the open page, and follows redirects as long as they lead to hosts of the town.
   *
   * @param headers sent to resources, not to the town's own servers
   * @throws TypeError when the host is not of the town; Error after 20 redirects
   */
  open(link: string, headers: Readonly<Record<string, string>> = {}): Promise<Visited> {
    return this.#follow(new URL(link, this.#page?.url), {}, headers)
  }

  /**
   * Submits a form of the open page with `POST`: that of the consent page if there is one, otherwise the first.
   * Hidden fields are included.
   *
   * @param fields the input values and the button, by name
   * @throws Error with the text of the page when it has no such form
   */
  async submit(
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Visited> {
    const form = this.#page && formOf(this.#page)
    if (this.#page === undefined || form === undefined) throw nothingThere('nothing to send', this.#page)
    const body = new URLSearchParams({ ...form.hidden, ...fields })
    const action = new URL(form.action, this.#page.url)
    return this.#follow(action, { method: 'POST', body }, headers)
  }

  /**
   * Opens a link, signs in if asked, and decides, according to `options`.
   *
   * @throws Error with the text of the page when it has nothing to decide
   */
  async visit(link: string, { decision, headers, form }: VisitOptions = {}): Promise<Visited> {
    let page = await this.open(link, headers)
    if (form !== undefined && formOf(page)?.decides === false) page = await this.submit(form, headers)
    if (decision === undefined) return page
    if (formOf(page)?.decides !== true) throw nothingThere('nothing to decide', page)
    return this.submit({ decision }, headers)
  }

  async #follow(from: URL, init: RequestInit, headers: Readonly<Record<string, string>>): Promise<Visited> {
    let visited = await this.#request(from, init, headers)
    for (let redirects = 0; redirects < mostRedirects; redirects++) {
      const next = redirectOf(visited)
      if (next === undefined || !this.#isOfTown(next)) {
        this.#page = visited
        return visited
      }
      visited = await this.#request(next, {}, headers)
    }
    throw new Error(
      `visit: ${new URL(visited.url).host} redirects in circles, the last time from ${visited.url}`,
    )
  }

  /** One request, without following redirects. */
  async #request(url: URL, init: RequestInit, more: Readonly<Record<string, string>>): Promise<Visited> {
    const headers = new Headers({ Accept: 'text/html' })
    if (!this.#town.isServer(url.host))
      for (const [name, value] of Object.entries(more)) headers.set(name, value)
    const cookies = [headers.get('Cookie') ?? [], ...this.#cookies.for(url)].flat()
    if (cookies.length > 0) headers.set('Cookie', cookies.join('; '))
    const response = await this.#town.fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.#cookies.take(line, url)
    return { url: url.href, status: response.status, headers: response.headers, text: await response.text() }
  }

  #isOfTown(url: URL): boolean {
    return url.protocol === 'https:' && url.port === '' && this.#town.portOf(url.host) !== undefined
  }
}

function redirectOf({ url, status, headers }: Visited): URL | undefined {
  const location = headers.get('location')
  const isRedirect = status >= 300 && status < 400 && location !== null && URL.canParse(location, url)
  return isRedirect ? new URL(location, url) : undefined
}

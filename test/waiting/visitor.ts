import type { Town } from '@countersign/devkit'
import { resource } from '../target/start.js'

/** What a page answered. */
export interface Visited {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** A browser without a screen: cookies, forms, and redirects that are followed only within the resource. */
export class Visitor {
  readonly #town: Town
  readonly #user: string
  readonly #cookies = new Map<string, string>()

  readonly #headers: Readonly<Record<string, string>>

  /**
   * @param headers sent with every request
   * @param user who signs in, on the page that asks for it
   */
  constructor(town: Town, headers: Readonly<Record<string, string>> = {}, user: 'mom' | 'dad' = 'mom') {
    this.#town = town
    this.#headers = headers
    this.#user = user
  }

  /** One request, no redirect followed. */
  async request(path: string, init: RequestInit = {}): Promise<Visited> {
    const headers = new Headers({
      Accept: 'text/html',
      ...this.#headers,
      ...(init.headers as Record<string, string>),
    })
    if (this.#cookies.size > 0)
      headers.set('Cookie', [...this.#cookies].map((pair) => pair.join('=')).join('; '))
    const url = new URL(path, resource)
    const response = await this.#town.fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = (line.split(';', 1)[0] as string).split('=') as [string, string]
      this.#cookies.set(name, value)
    }
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  /** Follows redirects within the resource, signing in on the way. */
  async open(path: string): Promise<Visited> {
    let at = new URL(path, resource)
    for (let i = 0; i < 10; i++) {
      const visited =
        at.pathname === '/login' ? await this.#signIn(at) : await this.request(at.pathname + at.search)
      const location = visited.headers.get('location')
      if (location === null || new URL(location, at).origin !== resource) return visited
      at = new URL(location, at)
    }
    throw new Error('redirected in circles')
  }

  /** Sends a form. */
  post(path: string, fields: Readonly<Record<string, string>>): Promise<Visited> {
    return this.request(path, { method: 'POST', body: new URLSearchParams(fields) })
  }

  /** Decides on a consent page, as its form says. */
  decide(page: Visited, decision: 'approve' | 'continue' | 'decline'): Promise<Visited> {
    const action = /<form method="post" action="([^"]+)"/.exec(page.text)?.[1] as string
    return this.post(action, { token: tokenOf(page), decision })
  }

  #signIn(at: URL): Promise<Visited> {
    const next = at.searchParams.get('next') ?? ''
    return this.post('/login', { username: this.#user, password: this.#user, next })
  }
}

/** The hidden field of a consent page. */
export function tokenOf(page: Visited): string {
  return /name="token" value="([^"]+)"/.exec(page.text)?.[1] as string
}

import type { Town } from '@countersign/devkit'

/** Where a browser has been, and what it was shown in the end. */
export interface Journey {
  readonly status: number
  readonly text: string
  /** Every URL it was sent to, the first included. */
  readonly urls: readonly string[]
}

/** A browser without a screen: cookies of each host, and redirects to anywhere in the town. */
export class Browser {
  readonly #town: Town
  readonly #cookies = new Map<string, Map<string, string>>()

  constructor(town: Town) {
    this.#town = town
  }

  /** One request, no redirect followed. */
  async request(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url)
    const cookies = this.#cookies.get(host) ?? new Map<string, string>()
    this.#cookies.set(host, cookies)
    const headers = new Headers({ Accept: 'text/html' })
    if (cookies.size > 0) headers.set('Cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
    const response = await this.#town.fetchAs('browser')(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = (line.split(';', 1)[0] as string).split('=') as [string, string]
      cookies.set(name, value)
    }
    return response
  }

  /** Presses the button on a consent page, and follows every redirect. */
  async approve({ text, urls }: Journey): Promise<Journey> {
    const action = /<form method="post" action="([^"]+)"/.exec(text)?.[1] as string
    const token = /name="token" value="([^"]+)"/.exec(text)?.[1] as string
    const body = new URLSearchParams({ token, decision: 'approve' })
    return this.open(new URL(action, urls.at(-1)).href, { method: 'POST', body })
  }

  /** Follows every redirect. */
  async open(url: string, init?: RequestInit): Promise<Journey> {
    const urls: string[] = []
    for (let at: string | undefined = url; at !== undefined && urls.length < 12; ) {
      const response: Response = await this.request(at, urls.length === 0 ? init : undefined)
      urls.push(at)
      const location: string | null = response.headers.get('location')
      if (location === null) return { status: response.status, text: await response.text(), urls }
      at = new URL(location, at).href
    }
    throw new Error(`redirected in circles: ${urls.join(' ')}`)
  }
}

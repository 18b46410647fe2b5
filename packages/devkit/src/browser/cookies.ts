import { BoundedMap } from '../bounded.js'

interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
  /** Milliseconds. */
  readonly expires: number
}

/** The cookies of a browser (RFC 6265, 5), each of one host: no server of a town has a domain below it. */
export class CookieJar {
  readonly #clock: () => number
  readonly #cookies = new BoundedMap<string, Cookie>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Stores the cookie of a `Set-Cookie` line; an expired one is removed. */
  take(line: string, url: URL): void {
    const [pair = '', ...rest] = line.split(';')
    const equals = pair.indexOf('=')
    if (equals < 1) return
    const attributes = new Map(
      rest.map((attribute) => {
        const [name = '', value = ''] = attribute.split('=', 2)
        return [name.trim().toLowerCase(), value.trim()]
      }),
    )
    const named = attributes.get('path') ?? ''
    const path = named.startsWith('/') ? named : url.pathname.replace(/\/[^/]*$/, '') || '/'
    const name = pair.slice(0, equals).trim()
    const key = JSON.stringify([url.host, path, name])
    const expires = this.#end(attributes)
    if (expires <= this.#clock()) this.#cookies.delete(key)
    else this.#cookies.set(key, { name, value: pair.slice(equals + 1).trim(), host: url.host, path, expires })
  }

  /** The values for `Cookie`, the longest path first. */
  for({ host, pathname }: URL): readonly string[] {
    const covers = (path: string) =>
      pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
    return [...this.#cookies.values()]
      .filter((cookie) => cookie.host === host && covers(cookie.path) && cookie.expires > this.#clock())
      .sort((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
  }

  #end(attributes: ReadonlyMap<string, string>): number {
    const age = attributes.get('max-age')
    if (age !== undefined && /^-?\d+$/.test(age)) return this.#clock() + Number(age) * 1000
    const date = Date.parse(attributes.get('expires') ?? '')
    return Number.isNaN(date) ? Number.POSITIVE_INFINITY : date
  }
}

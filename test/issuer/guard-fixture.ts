import { createGuardedFetch, type GuardOptions } from '@countersign/core'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import { type Authority, createAuthority, json, Names, Origin } from './loopback.js'

/** The host of the honest origin. */
export const host = 'ps.example'
/** A document of it. */
export const url = `https://${host}/.well-known/aauth-person.json`

/** A guard, a name server, and origins on loopback; anew for each test. */
export class GuardFixture {
  authority!: Authority
  names!: Names
  /** The origin that {@link host} leads to; it answers with its name. */
  origin!: Origin
  readonly #opened: Origin[] = []

  /** Registers the hooks of a test file. */
  static use(): GuardFixture {
    const fixture = new GuardFixture()
    beforeAll(async () => {
      fixture.authority = await createAuthority()
    })
    beforeEach(async () => {
      fixture.names = new Names()
      fixture.origin = await fixture.open(host)
      fixture.names.lead(host, fixture.origin)
    })
    afterEach(() => fixture.#close())
    return fixture
  }

  async open(name: string, tls: object = {}): Promise<Origin> {
    const certificate = await this.authority.issue(name)
    const made = await Origin.open({ ...certificate, ...tls }, (_request, response) =>
      json(response, { name }),
    )
    this.#opened.push(made)
    return made
  }

  async openRaw(onSocket: Parameters<typeof Origin.openRaw>[0]): Promise<Origin> {
    const made = await Origin.openRaw(onSocket)
    this.#opened.push(made)
    return made
  }

  /** A guard that trusts the test's authority and may visit {@link host} on loopback. */
  guard(options: GuardOptions = {}): typeof fetch {
    const { names, authority } = this
    return createGuardedFetch({
      privateHosts: [host],
      resolve: names.resolve,
      ca: authority.certificate,
      ...options,
    })
  }

  async #close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((one) => one.close()))
  }
}

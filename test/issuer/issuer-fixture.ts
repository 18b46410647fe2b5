import {
  createGuardedFetch,
  createResourceServer,
  type IssuerOptions,
  type ResourceServer,
} from '@countersign/core'
import type { KeyQuery } from '@countersign/core/adapter'
import { createKey } from '@countersign/devkit'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import { type Authority, createAuthority, json, Names, Origin } from './loopback.js'

/** The host of the honest issuer, its identifier, and its document. */
export const host = 'ps.example'
export const issuer = `https://${host}`
export const dwk = 'aauth-person.json'

/** Issuers on loopback, and resource servers that reach them through the guard; anew for each test. */
export class IssuerFixture {
  names!: Names
  /** The clock of the resource servers, in milliseconds. */
  now = 0
  #authority!: Authority
  readonly #servers: ResourceServer[] = []
  readonly #origins: Origin[] = []

  /** Registers the hooks of a test file. */
  static use(): IssuerFixture {
    const fixture = new IssuerFixture()
    beforeAll(async () => {
      fixture.#authority = await createAuthority()
    })
    beforeEach(() => {
      fixture.names = new Names()
      fixture.now = Date.now()
    })
    afterEach(() => fixture.#close())
    return fixture
  }

  /** A resource server that may visit `hosts` on loopback. */
  resourceServer(hosts: readonly string[] = [host], issuers: IssuerOptions = {}): ResourceServer {
    const server = createResourceServer({
      resource: 'https://rs.example',
      clock: () => this.now,
      issuers: { ...issuers, limits: { timeout: 1000, ...issuers.limits } },
      fetch: createGuardedFetch({
        ca: this.#authority.certificate,
        resolve: this.names.resolve,
        privateHosts: hosts,
      }),
    })
    this.#servers.push(server)
    return server
  }

  /** Opens an issuer with one key, `k1`. */
  async issuer(name = host): Promise<Issuer> {
    const origin = await Origin.open(await this.#authority.issue(name), () => {})
    this.#origins.push(origin)
    this.names.lead(name, origin)
    return new Issuer(name, origin)
  }

  async #close(): Promise<void> {
    for (const server of this.#servers.splice(0)) server.close()
    await Promise.all(this.#origins.splice(0).map((one) => one.close()))
  }
}

/** An issuer with keys of its own. */
export class Issuer {
  readonly host: string
  readonly origin: Origin
  keys: object[] = [publicJwk('k1')]
  headers: Record<string, string> = {}

  constructor(name: string, origin: Origin) {
    this.host = name
    this.origin = origin
    this.up()
  }

  up(): void {
    const base = `https://${this.host}`
    this.origin.behave = (request, response) =>
      request.url === '/jwks'
        ? json(response, { keys: this.keys }, this.headers)
        : json(response, { issuer: base, jwks_uri: `${base}/jwks` }, this.headers)
  }

  down(): void {
    this.origin.behave = (_request, response) => response.writeHead(503).end()
  }

  /** How often documents under a path were asked for. */
  fetched(path: string): number {
    return this.origin.requests.filter((one) => one.startsWith(path)).length
  }
}

export function publicJwk(kid: string): object {
  return createKey('Ed25519', kid).publicJwk
}

export function query(kid = 'k1', of: string = issuer): KeyQuery {
  return { issuer: of, dwk, kid }
}

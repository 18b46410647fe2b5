import type { JsonWebKey } from 'node:crypto'
import { KeyFault, type VerificationKey } from '../crypto/keys.js'
import type { Refusal } from '../errors.js'
import type { IssuerEvent, UntimedEvent } from '../events.js'
import { createIssuerKeys } from '../issuer/cached-issuer-keys.js'
import type { IssuerKeys, IssuerKeysContext, KeyQuery } from '../issuer/issuer-keys.js'
import type { KnownIssuers } from '../issuer/known-issuers.js'
import type { IssuerFetch, IssuerOptions } from '../issuer/options.js'
import { newJwks } from './jwk.js'

/** A public JWK as issuers publish it. */
export function publicJwk(kid: string): JsonWebKey & { kid: string } {
  return { ...newJwks().publicJwk, kid }
}

export const person = 'aauth-person.json'

type Behaviour = (url: string, signal: AbortSignal) => Response | Promise<Response>

/** Issuers that are only functions, a clock that stands still, and a count of everything fetched. */
export class FakeTown {
  now = 1_800_000_000_000
  readonly fetches: string[] = []
  readonly events: UntimedEvent<IssuerEvent>[] = []
  readonly withdrawn: string[] = []
  readonly keys: IssuerKeys
  readonly #issuers = new Map<string, Behaviour>()
  #sweep: (() => void) | undefined

  constructor(options: IssuerOptions = {}, known?: KnownIssuers) {
    const fetch: IssuerFetch = async (url, { signal }) => {
      this.fetches.push(url)
      const behave = this.#issuers.get(new URL(url).host)
      if (behave === undefined) throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' })
      return behave(url, signal)
    }
    const context: IssuerKeysContext = {
      clock: () => this.now,
      random: () => 0.5,
      report: (event) => this.events.push(event),
      fetch,
      every: (_ms, run) => {
        this.#sweep = run
        return () => {
          this.#sweep = undefined
        }
      },
    }
    this.keys = createIssuerKeys(options, context, known)
    this.keys.onWithdrawn((issuer, dwk) => this.withdrawn.push(`${issuer} ${dwk}`))
  }

  /** An issuer by host, behaving as the function says from now on. */
  behave(host: string, behaviour: Behaviour): void {
    this.#issuers.set(host, behaviour)
  }

  /** An issuer with these keys; the same headers on both documents. */
  publish(host: string, keys: readonly object[], headers: Record<string, string> = {}): void {
    this.behave(host, (url) =>
      url.includes('/.well-known/')
        ? Response.json({ issuer: `https://${host}`, jwks_uri: `https://${host}/jwks` }, { headers })
        : Response.json({ keys }, { headers }),
    )
  }

  /** How often a host was asked, or one path of it. */
  count(host: string, path = ''): number {
    return this.fetches.filter((url) => url.startsWith(`https://${host}${path === '' ? '/' : path}`)).length
  }

  pass(seconds: number): void {
    this.now += seconds * 1000
  }

  /** Lets the timer fire once, and what it began come to an end. */
  async sweep(): Promise<void> {
    this.#sweep?.()
    await this.settle()
  }

  get isSweeping(): boolean {
    return this.#sweep !== undefined
  }

  /** Waits until no discovery is under way. */
  async settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve))
    while (this.keys.inspect(0).discoveries.running > 0)
  }

  query(host: string, kid = 'k1', dwk = person): KeyQuery {
    return { issuer: `https://${host}`, dwk, kid }
  }

  async find(host: string, kid = 'k1', dwk = person): Promise<VerificationKey | KeyFault | Refusal> {
    return this.keys.find(this.query(host, kid, dwk))
  }

  /** Finds a key that must be there, as if a token had then verified. */
  async verified(host: string, kid = 'k1', dwk = person): Promise<VerificationKey> {
    const key = await this.find(host, kid, dwk)
    this.keys.admit(`https://${host}`, dwk)
    return asKey(key)
  }
}

export function asKey(key: VerificationKey | KeyFault | Refusal | undefined): VerificationKey {
  if (key === undefined || key instanceof KeyFault || !('jkt' in key))
    throw new Error(`no key: ${JSON.stringify(key)}`)
  return key
}

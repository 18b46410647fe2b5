import { BoundedMap } from '../bounded.js'
import type { TokenName } from '../checks/tokens.js'

/** What a person server remembers of a token that it issued, or passed on from an access server. */
export interface TokenRecord extends TokenName {
  readonly typ: 'aa-person+jwt' | 'aa-auth+jwt'
  /** Seconds. */
  readonly exp: number
  /** The identifier of the resource. */
  readonly aud: string
  /** The person, as that resource knows them. */
  readonly sub: string
  /** The agent it was issued to, when it was issued at an endpoint. */
  readonly agent: string | undefined
  /** The parent that requested it, if it was issued to a sub-agent (10.2). */
  readonly parent: string | undefined
  /** The token with which an intermediary requested it (10.1); `undefined` for the person's own agent. */
  readonly upstream: TokenName | undefined
  /** The name of the person's account, which no other party learns. */
  readonly person: string
}

const limit = 10_000

/** The tokens of a person server by name, each with the token on which it was issued. */
export class TokenRecords {
  readonly #records = new BoundedMap<string, TokenRecord>(limit)

  add(record: TokenRecord): void {
    this.#records.set(`${record.iss} ${record.jti}`, record)
  }

  /** The token, the token it was issued on, and so on, to the one that the person's own agent holds. */
  chain(token: TokenName): readonly TokenRecord[] {
    const links: TokenRecord[] = []
    // Each token was issued on an older one, so this ends.
    for (let name: TokenName | undefined = token; name !== undefined; ) {
      const record: TokenRecord | undefined = this.#records.get(`${name.iss} ${name.jti}`)
      if (record === undefined) break
      links.push(record)
      name = record.upstream
    }
    return links
  }
}

import { randomBytes } from 'node:crypto'
import { type NamedSecret, namedSecrets } from '../crypto/encrypted-json.js'
import { instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'
import type { SessionSettings } from './options.js'

/** The secrets that encrypt session tokens. */
export interface SealingKeys {
  /** The secret for new tokens. */
  current(): Promise<NamedSecret>
  /** The secret of a `kid`; `undefined` if it is unknown or was replaced too long ago. */
  find(kid: string): Promise<Uint8Array | undefined>
}

/**
 * The secrets in the options, or secrets that are created and replaced automatically. @param clock milliseconds, as
 * `Date.now`
 */
export function createSealingKeys(settings: SessionSettings, store: Store, clock: () => number): SealingKeys {
  return settings.keys === undefined
    ? rotatingKeys(settings.lifetime, store, clock)
    : fixedKeys(settings.keys.map((key) => Buffer.from(key, 'base64url')))
}

function fixedKeys(secrets: readonly Uint8Array[]): SealingKeys {
  const keys = namedSecrets(secrets)
  return {
    current: async () => keys[0] as NamedSecret,
    find: async (kid) => keys.find((each) => each.kid === kid)?.secret,
  }
}

/**
 * Secrets made here: a new one in each period as long as an unused session lives, each kept for two periods, because
 * no token lives longer. The first process that needs a secret makes it, with a claim in the store, so that all
 * processes use the same one.
 */
function rotatingKeys(lifetime: number, store: Store, clock: () => number): SealingKeys {
  const secrets = new Map<number, Uint8Array>()
  const spanAt = (skew: number): number => Math.floor((clock() / 1000 + skew) / lifetime)
  const spanNow = (): number => spanAt(0)
  // Other instances' clocks may be in the next period already.
  const isAlive = (span: number): boolean => span <= spanAt(instanceSkew) && span >= spanNow() - 1
  const nameOf = (span: number): string => `session-key:${lifetime}:${span}`
  const fetch = async (span: number): Promise<Uint8Array | undefined> => {
    const known = secrets.get(span)
    if (known !== undefined) return known
    const text = await store.get(nameOf(span))
    return text === undefined ? undefined : remember(span, text)
  }
  const remember = (span: number, text: string): Uint8Array => {
    const secret = Buffer.from(text, 'base64url')
    for (const old of secrets.keys()) if (!isAlive(old)) secrets.delete(old)
    secrets.set(span, secret)
    return secret
  }
  const make = async (span: number): Promise<Uint8Array> => {
    const mine = randomBytes(32).toString('base64url')
    await store.claim(nameOf(span), mine, lifetime * 3 + 2 * instanceSkew)
    // Another process may have won the claim; use the stored secret.
    return remember(span, (await store.get(nameOf(span))) as string)
  }
  return {
    async current() {
      const span = spanNow()
      return { kid: String(span), secret: (await fetch(span)) ?? (await make(span)) }
    },
    async find(kid) {
      const span = Number(kid)
      return Number.isSafeInteger(span) && isAlive(span) ? fetch(span) : undefined
    },
  }
}

import { decryptJson, encryptJson, type NamedSecret, namedSecrets } from '../crypto/encrypted-json.js'

/** Keeps JSON from whoever can read the store: tokens are in it. */
export interface Seal {
  close(value: unknown): Promise<string>
  /** `undefined` for what was sealed with a secret that is gone. */
  open(sealed: string): Promise<unknown>
}

/** The first secret seals, all of them open. */
export function createSeal(secrets: readonly Uint8Array[]): Seal {
  const named = namedSecrets(secrets)
  const [first] = named as readonly [NamedSecret]
  return {
    close: (value) => encryptJson(value, first),
    open: (sealed) => decryptJson(sealed, (kid) => named.find((each) => each.kid === kid)?.secret),
  }
}

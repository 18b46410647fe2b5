import { decryptJson, encryptJson, type NamedSecret, namedSecrets } from '../crypto/encrypted-json.js'

/** Encrypts JSON in the store, because it contains tokens. */
export interface Seal {
  close(value: unknown): Promise<string>
  /** `undefined` if it was encrypted with a secret that is gone. */
  open(sealed: string): Promise<unknown>
}

/** The first secret encrypts; all of them decrypt. */
export function createSeal(secrets: readonly Uint8Array[]): Seal {
  const named = namedSecrets(secrets)
  const [first] = named as readonly [NamedSecret]
  return {
    close: (value) => encryptJson(value, first),
    open: (sealed) => decryptJson(sealed, (kid) => named.find((each) => each.kid === kid)?.secret),
  }
}

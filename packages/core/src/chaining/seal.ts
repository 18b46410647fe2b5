import { hash } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, errors } from 'jose'

/** Keeps JSON from whoever can read the store: tokens are in it. */
export interface Seal {
  close(value: unknown): Promise<string>
  /** `undefined` for what was sealed with a secret that is gone. */
  open(sealed: string): Promise<unknown>
}

/** JWE, `dir` with A256GCM (RFC 7516; RFC 7518, 4.5 and 5.3). The first secret seals, all of them open. */
export function createSeal(secrets: readonly Uint8Array[]): Seal {
  const keys = secrets.map((secret) => ({ kid: hash('sha256', secret, 'base64url').slice(0, 8), secret }))
  const byKid = new Map(keys.map(({ kid, secret }) => [kid, secret]))
  const [first] = keys as [(typeof keys)[number]]
  return {
    close: (value) =>
      new CompactEncrypt(Buffer.from(JSON.stringify(value)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: first.kid })
        .encrypt(first.secret),
    async open(sealed) {
      try {
        const { plaintext } = await compactDecrypt(
          sealed,
          ({ kid }) => {
            const secret = byKid.get(String(kid))
            if (secret === undefined) throw new errors.JWEDecryptionFailed()
            return secret
          },
          { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
        )
        return JSON.parse(Buffer.from(plaintext).toString('utf8')) as unknown
      } catch (cause) {
        if (cause instanceof errors.JOSEError) return undefined
        throw cause
      }
    },
  }
}

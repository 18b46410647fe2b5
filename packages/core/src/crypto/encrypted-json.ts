import { hash } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'

/** A secret of 32 bytes, and its name. */
export interface NamedSecret {
  readonly kid: string
  readonly secret: Uint8Array
}

/** Secrets with names that are derived from them. */
export function namedSecrets(secrets: readonly Uint8Array[]): readonly NamedSecret[] {
  return secrets.map((secret) => ({ kid: hash('sha256', secret, 'base64url').slice(0, 8), secret }))
}

// Loaded when the first session is encrypted: most applications have none, and loading takes as long as all our own
// code.
let loaded: Promise<typeof import('./jose.js')> | undefined

function loadJose(): Promise<typeof import('./jose.js')> {
  loaded ??= import('./jose.js')
  return loaded
}

/** JSON as a JWE, `dir` with A256GCM (RFC 7516; RFC 7518, 4.5 and 5.3). */
export async function encryptJson(value: unknown, { kid, secret }: NamedSecret): Promise<string> {
  const { CompactEncrypt } = await loadJose()
  return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid })
    .encrypt(secret)
}

/**
 * Decrypts what {@link encryptJson} made; `undefined` for anything else, and if the secret is gone. Rejects only when
 * `find` does.
 */
export async function decryptJson(
  text: string,
  find: (kid: string) => Awaitable<Uint8Array | undefined>,
): Promise<unknown> {
  const { compactDecrypt, errors } = await loadJose()
  try {
    const { plaintext } = await compactDecrypt(
      text,
      async ({ kid }) => {
        const secret = typeof kid === 'string' ? await find(kid) : undefined
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
}

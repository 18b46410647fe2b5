import { generateKeyPairSync } from 'node:crypto'

/** The command that makes a signing key: one line that can be pasted, and nothing to install. */
const command = `node -e "console.log(JSON.stringify({...crypto.generateKeyPairSync('ed25519').privateKey.export({format:'jwk'}),alg:'Ed25519'}))"`

/** Why a key is needed and how to make one. */
export const keyNeeded: string = `scopes need a key that signs resource tokens: a private JWK or PEM, which frameworks also take from AAUTH_SIGNING_KEYS. This makes one: ${command}`

/** The warning that a key was made because there was none. */
export const keyMade: string = `no signingKeys, so a key was made for this process: a restart makes another, other processes do not have it, and production refuses to start. Set the option signingKeys or AAUTH_SIGNING_KEYS. This makes a key: ${command}`

/** Makes an Ed25519 key that lives as long as the process. */
export function makeKey(): object {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { ...privateKey.export({ format: 'jwk' }), alg: 'Ed25519' }
}

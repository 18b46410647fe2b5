import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { ResourceOptions } from '@countersign/core'
import { type HttpRequest, importSigningJwk, type SigningKey, signRequest } from '@countersign/core/signature'
import { SignJWT } from 'jose'

// Whoever is in the campaigns, the same in each run, so that what is kept of one is of use to the next.

/** Seconds. */
export const now = 1_800_000_000
export const authority = 'rs.example'

interface Cast {
  readonly jwk: Readonly<Record<string, string>>
  readonly key: SigningKey
}

function keyFrom(name: string): Cast {
  const seed = createHash('sha256').update(`countersign fuzz ${name}`).digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(secret).export({ format: 'jwk' })
  const jwk = { kty: 'OKP', crv: 'Ed25519', alg: 'Ed25519', kid: name, x, d: seed.toString('base64url') }
  return { jwk, key: importSigningJwk(jwk) }
}

const issuer = keyFrom('issuer-1')
const agent = keyFrom('agent-1')
const own = keyFrom('rs-1')
const publicOf = ({ jwk: { d: _, ...rest } }: Cast): Readonly<Record<string, string>> => rest

/** With which the agent and the issuers sign. */
export const [agentKey, issuerKey]: readonly [SigningKey, SigningKey] = [agent.key, issuer.key]

/** The key set of every issuer. */
export const jwks: { readonly keys: readonly Readonly<Record<string, string>>[] } = {
  keys: [publicOf(issuer)],
}

/** Options of a server whose issuers answer so. */
export const options = (fetch: ResourceOptions['fetch']): ResourceOptions => ({
  resource: 'https://rs.example',
  signingKeys: [own.jwk],
  scopes: { 'data.read': 'Read' },
  clock: () => now * 1000,
  logger: false,
  crypto: { mode: 'sync' },
  ...(fetch === undefined ? {} : { fetch }),
})

const { kid: _, ...cnf } = publicOf(agent)
const common = { jti: 'token-1', iat: now - 10, exp: now + 600, cnf: { jwk: cnf } }

/** Of whom every token is. */
export const issuerSecret: KeyObject = createPrivateKey({ key: issuer.jwk, format: 'jwk' })
/** Of whoever has the tokens. */
export const agentSecret: KeyObject = createPrivateKey({ key: agent.jwk, format: 'jwk' })

const mint = ({ typ, ...claims }: Readonly<Record<string, string>>): Promise<string> =>
  new SignJWT({ ...common, ...claims })
    .setProtectedHeader({ typ: String(typ), alg: 'Ed25519', kid: 'issuer-1' })
    .sign(issuerSecret)

/** A good one of an agent provider. */
export const agentTokenOf = (iss: string): Promise<string> =>
  mint({ typ: 'aa-agent+jwt', iss, dwk: 'aauth-agent.json', sub: `aauth:sam@${new URL(iss).host}` })

/** A good token of each type. */
export const tokens: readonly string[] = await Promise.all([
  agentTokenOf('https://ap.example'),
  ...[
    {
      typ: 'aa-person+jwt',
      iss: 'https://ps.example',
      dwk: 'aauth-person.json',
      aud: 'https://rs.example',
      sub: 'mom',
    },
    {
      typ: 'aa-auth+jwt',
      iss: 'https://ps.example',
      dwk: 'aauth-person.json',
      aud: 'https://rs.example',
      ps: 'https://ps.example',
      sub: 'mom',
      scope: 'data.read',
    },
  ].map(mint),
])

/** A signed request with one of them. */
export async function signed(
  jwt: string,
  more: readonly string[] = [],
  components?: readonly string[],
): Promise<HttpRequest> {
  const request = { method: 'GET', target: '/data?x=1', rawHeaders: ['Host', authority, ...more] }
  const fields = await signRequest(
    { ...request, authority, scheme: 'https' },
    {
      key: agent.key,
      signatureKey: { scheme: 'jwt', jwt },
      created: now,
      ...(components === undefined ? {} : { components }),
    },
  )
  return { ...request, rawHeaders: [...request.rawHeaders, ...Object.entries(fields).flat()] }
}

/** A request as bytes: the lines of its head, in latin1. */
export const toBytes = ({ method, target, rawHeaders }: HttpRequest): Buffer =>
  Buffer.from(
    [`${method} ${target} HTTP/1.1`, ...pairs(rawHeaders).map((pair) => pair.join(': '))].join('\n'),
    'latin1',
  )

/** The request that bytes are; a line without a colon is left out, as Node's parser lets none through. */
export function toRequest(bytes: Buffer): HttpRequest {
  const [first = '', ...lines] = bytes.toString('latin1').split('\n')
  const [method = '', target = ''] = first.split(' ')
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return colon < 1 ? [] : [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  return { method, target, rawHeaders }
}

function pairs(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] as string] as const] : []))
}

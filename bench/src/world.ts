import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'

// The data of every benchmark: one issuer, any number of agents, tokens and signed requests. Made with node:crypto
// alone, so that no side of a comparison makes its own input.

/** The resource under test. */
export const resource = 'https://rs.example'
export const authority = 'rs.example'
/** A person server, which issues the auth tokens of all benchmarks. */
export const issuer = 'https://ps.example'

/** A signing algorithm of AAuth. */
export type Alg = 'Ed25519' | 'ES256'

/** A key pair. */
export interface Key {
  readonly alg: Alg
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** With `alg` and `kid`. */
  readonly publicJwk: JsonWebKey & { readonly alg: Alg; readonly kid: string }
}

export function createKey(alg: Alg = 'Ed25519', kid: string = randomUUID()): Key {
  const { publicJwk, privateJwk } = generate(alg)
  return {
    alg,
    kid,
    privateKey: createPrivateKey({ key: privateJwk, format: 'jwk' }),
    publicKey: createPublicKey({ key: publicJwk, format: 'jwk' }),
    publicJwk: { ...publicJwk, alg, kid },
  }
}

/**
 * Both keys as JWKs, through their encodings: in Node 20 exporting a generated key object may hang, because the
 * export holds a lock that the garbage collection of the generation job waits for.
 */
function generate(alg: Alg): { readonly publicJwk: JsonWebKey; readonly privateJwk: JsonWebKey } {
  const encodings = { publicKeyEncoding: { format: 'jwk' }, privateKeyEncoding: { format: 'jwk' } } as const
  const pair: unknown =
    alg === 'Ed25519'
      ? generateKeyPairSync('ed25519', encodings)
      : generateKeyPairSync('ec', { namedCurve: 'P-256', ...encodings })
  // The declarations do not have this encoding.
  const { publicKey, privateKey } = pair as Record<'publicKey' | 'privateKey', JsonWebKey>
  return { publicJwk: publicKey, privateJwk: privateKey }
}

/** The raw signature, r||s for ES256. */
function signWith(key: Key, data: Uint8Array): Buffer {
  return key.alg === 'Ed25519'
    ? sign(null, data, key.privateKey)
    : sign('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A compact JWT. */
export function mintJwt(header: object, claims: object, key: Key): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${signWith(key, Buffer.from(input)).toString('base64url')}`
}

/** Options of {@link mintAuthToken}. */
export interface TokenOptions {
  readonly sub?: string
  readonly kid?: string
  readonly iss?: string
  readonly extra?: object
}

/** An auth token of 0.9 KB for an agent's key, valid for an hour. */
export function mintAuthToken(issuerKey: Key, agentKey: Key, options: TokenOptions = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const { kid: _, ...jwk } = agentKey.publicJwk
  const iss = options.iss ?? issuer
  return mintJwt(
    { typ: 'aa-auth+jwt', alg: issuerKey.alg, kid: options.kid ?? issuerKey.kid },
    {
      iss,
      dwk: 'aauth-person.json',
      aud: resource,
      ps: iss,
      sub: options.sub ?? randomUUID(),
      scope: 'data.read data.write',
      tenant: 'school.example',
      mission_s256: createHash('sha256').update('bread').digest('base64url'),
      jti: randomUUID(),
      iat: now,
      exp: now + 3600,
      cnf: { jwk },
      ...options.extra,
    },
    issuerKey,
  )
}

/** A request as Node reports it. */
export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
}

/** A signed request, and the base of its signature. */
export interface SignedRequest extends RawRequest {
  readonly base: Buffer
  readonly signature: Buffer
}

/** Options of {@link signRequest}. */
export interface SignOptions {
  readonly created?: number
  readonly headers?: readonly (readonly [string, string])[]
  /** Covered in addition to the four base components: derived ones, or fields of `headers` in lower case. */
  readonly components?: readonly string[]
}

const target = '/data?item=bread'

/** Signs `GET /data?item=bread` with a token in `Signature-Key`. */
export function signRequest(jwt: string, key: Key, options: SignOptions = {}): SignedRequest {
  const created = options.created ?? Math.floor(Date.now() / 1000)
  const signatureKey = `sig=jwt;jwt="${jwt}"`
  const fields = new Map((options.headers ?? []).map(([name, value]) => [name.toLowerCase(), value]))
  const values = new Map([
    ['@method', 'GET'],
    ['@authority', authority],
    ['@path', '/data'],
    ['@query', '?item=bread'],
    ['signature-key', signatureKey],
    ...fields,
  ])
  const components = ['@method', '@authority', '@path', 'signature-key', ...(options.components ?? [])]
  const parameters = `(${components.map((name) => `"${name}"`).join(' ')});created=${created}`
  const lines = components.map((name) => `"${name}": ${values.get(name)}\n`).join('')
  const base = Buffer.from(`${lines}"@signature-params": ${parameters}`)
  const signature = signWith(key, base)
  return {
    method: 'GET',
    target,
    rawHeaders: [
      'Host',
      authority,
      'Accept',
      'application/json',
      'User-Agent',
      'agent/1.0',
      ...(options.headers ?? []).flat(),
      'Signature-Input',
      `sig=${parameters}`,
      'Signature',
      `sig=:${signature.toString('base64')}:`,
      'Signature-Key',
      signatureKey,
      'Connection',
      'keep-alive',
    ],
    base,
    signature,
  }
}

/** A request of a client that knows nothing of signatures. */
export const unsigned: RawRequest = {
  method: 'GET',
  target,
  rawHeaders: ['Host', authority, 'Accept', '*/*'],
}

/** The same request with another value in one field. */
export function withField(
  { method, target, rawHeaders }: RawRequest,
  name: string,
  value: string,
): RawRequest {
  const at = rawHeaders.indexOf(name) + 1
  return { method, target, rawHeaders: rawHeaders.map((text, i) => (i === at ? value : text)) }
}

/** The issuer's documents, as a `fetch` that never leaves the process. */
export function issuerFetch(keys: readonly Key[], iss: string = issuer): (url: string) => Promise<Response> {
  const documents = new Map<string, object>([
    [`${iss}/.well-known/aauth-person.json`, { issuer: iss, jwks_uri: `${iss}/jwks.json` }],
    [`${iss}/jwks.json`, { keys: keys.map((key) => key.publicJwk) }],
  ])
  return async (url) => {
    const document = documents.get(url)
    return document === undefined
      ? new Response('', { status: 404 })
      : new Response(JSON.stringify(document), { headers: { 'Content-Type': 'application/json' } })
  }
}

/** A private JWK for `signingKeys`. */
export function newSigningJwk(): object {
  return { ...generate('Ed25519').privateJwk, alg: 'Ed25519' }
}

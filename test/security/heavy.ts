// A resource server as a process of its own with little memory, and a stranger who fills what it remembers.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createResourceServer, type ResourceOptions } from '@countersign/core'
import type { HttpRequest } from '@countersign/core/adapter'
import { importSigningJwk, type SigningKey, signRequest } from '@countersign/core/signature'

const now = 1_800_000_000
let clock = now * 1000

const issuerKey = generateKeyPairSync('ed25519')
const issuerJwk = { ...issuerKey.publicKey.export({ format: 'jwk' }), alg: 'Ed25519', kid: 'k1' }
const agentPair = generateKeyPairSync('ed25519')
const agentKey = importSigningJwk({ ...agentPair.privateKey.export({ format: 'jwk' }), alg: 'Ed25519' })

/** As many `{}` as make a text of this length. */
const small = (length: number): object[] => new Array(Math.floor(length / 3)).fill({})

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(typ: string, claims: object, key: KeyObject): string {
  const { kid: _, ...jwk } = agentKey.publicJwk
  const times = { iat: now - 10, exp: now + 600, cnf: { jwk } }
  const input = `${encode({ typ, alg: 'Ed25519', kid: 'k1' })}.${encode({ ...times, ...claims })}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}

async function request(jwt: string, key: SigningKey): Promise<HttpRequest> {
  const plain = { method: 'GET', target: '/', rawHeaders: ['Host', 'rs.example'] }
  const fields = await signRequest(
    { ...plain, authority: 'rs.example', scheme: 'https' },
    { key, signatureKey: { scheme: 'jwt', jwt }, created: Math.floor(clock / 1000) },
  )
  return { ...plain, rawHeaders: [...plain.rawHeaders, ...Object.entries(fields).flat()] }
}

const options = { resource: 'https://rs.example', clock: () => clock } satisfies ResourceOptions

/** Grants with claims of thousands of small things. */
async function grants(limits: object, length: number): Promise<number> {
  const server = createResourceServer({
    ...options,
    limits,
    scopes: { read: 'Read' },
    signingKeys: [{ ...agentPair.privateKey.export({ format: 'jwk' }), alg: 'Ed25519' }],
    issuers: {
      pinned: [{ issuer: 'https://ps.example', dwk: 'aauth-person.json', jwks: { keys: [issuerJwk] } }],
    },
  })
  const guard = server.require({ scope: 'read' })
  let served = 0
  for (let i = 0; i < 1000; i++) {
    const claims = {
      iss: 'https://ps.example',
      dwk: 'aauth-person.json',
      aud: 'https://rs.example',
      ps: 'https://ps.example',
      sub: 'somebody',
      scope: 'read',
      jti: `t${i}`,
      groups: small(length),
    }
    const outcome = await guard.check(
      await request(token('aa-auth+jwt', claims, issuerKey.privateKey), agentKey),
    )
    if (outcome.served) served++
  }
  return served
}

/** Issuers whose documents are short, and full of small members that nobody asks for. */
async function issuers(): Promise<number> {
  const server = createResourceServer({
    ...options,
    fetch: async (url) => {
      const { origin, pathname } = new URL(url)
      return Response.json(
        pathname.startsWith('/.well-known/')
          ? { issuer: origin, jwks_uri: `${origin}/${pathname.split('/').at(-1)}/jwks`, junk: small(1400) }
          : { keys: [{ ...issuerJwk, x5c: small(3000) }], junk: small(2700) },
      )
    },
  })
  const guard = server.require('agent')
  let served = 0
  for (let i = 0; i < 600; i++) {
    clock += 250
    const host = `a${i}.example`
    const claims = {
      iss: `https://${host}`,
      dwk: 'aauth-agent.json',
      sub: `aauth:a@${host}`,
      jti: `t${i}`,
      exp: now + 3600,
    }
    const outcome = await guard.check(
      await request(token('aa-agent+jwt', claims, issuerKey.privateKey), agentKey),
    )
    if (outcome.served) served++
  }
  return served
}

const scenarios: Readonly<Record<string, () => Promise<number>>> = {
  grants: () => grants({}, 8400),
  'grants-allowed': () => grants({ tokenMembers: 20_000 }, 8400),
  issuers,
}

const served = await scenarios[process.argv[2] as string]?.()
globalThis.gc?.()
process.stdout.write(JSON.stringify({ served, heap: process.memoryUsage().heapUsed }))
process.exit()

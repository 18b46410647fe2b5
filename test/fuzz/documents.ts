import { createResourceServer, type ResourceServer } from '@countersign/core'
import type { HttpRequest } from '@countersign/core/signature'
import type { JSONWebKeySet } from 'jose'
import { agentTokenOf, jwks, options, signed } from './cast.js'
import { answering, inShort, isGoodToken, type Target, wrong } from './target.js'

// What a stranger's issuer answers. A server takes much longer to make than a document to read, so that one reads as many as
// there are issuers here, of which each answers once.

const hosts = Array.from({ length: 32 }, (_, n) => `ps-${n}.example`)
const requests = await Promise.all(hosts.map(async (host) => signed(await agentTokenOf(`https://${host}`))))

interface Answered {
  readonly served: boolean
  readonly host: string
  readonly sent: HttpRequest
}

function createReader(fetch: ReturnType<typeof answering>): () => Promise<Answered> {
  let next = hosts.length
  let server: ResourceServer | undefined
  let guard: ReturnType<ResourceServer['require']> | undefined
  return async () => {
    if (next === hosts.length || guard === undefined) {
      next = 0
      server?.close()
      server = createResourceServer(options(fetch))
      guard = server.require({ identity: 'any' })
    }
    const [host, sent] = [hosts[next] as string, requests[next] as HttpRequest]
    next++
    const outcome = await guard.check(sent)
    inShort(outcome)
    if (!outcome.served && [429, 503].includes(outcome.answer.status) && outcome.code === 'overloaded')
      wrong('no document was asked for')
    return { served: outcome.served, host, sent }
  }
}

let keySet = ''
const readKeySet = createReader(answering(() => keySet))

export const issuers: Target = {
  name: 'issuers',
  weight: 3,
  seeds: [JSON.stringify(jwks), JSON.stringify({ keys: [] }), '{"keys":[{"kty":"EC","crv":"P-256"}]}'].map(
    (text) => Buffer.from(text),
  ),
  async run(input) {
    keySet = input.toString('utf8')
    const { served, sent } = await readKeySet()
    if (served && !(await isGoodToken(sent, JSON.parse(keySet) as JSONWebKeySet)))
      wrong('served, and jose does not verify its token')
  },
}

let document = ''
let caching = ''
const readMetadata = createReader(
  answering(
    () => JSON.stringify(jwks),
    (origin) => document.replaceAll('https://HOST', origin),
    () => ({ 'Cache-Control': caching, Age: caching }),
  ),
)

/** The header that says how long it is good for, and a metadata document in which `HOST` is its own host. */
export const metadata: Target = {
  name: 'metadata',
  weight: 2,
  seeds: [
    'max-age=300\n{"issuer":"https://HOST","jwks_uri":"https://HOST/jwks.json"}',
    'no-store, max-age=0\n{"issuer":"https://HOST","jwks_uri":"https://HOST/jwks.json","name":"P","scopes_supported":["a"],"localhost_callback_allowed":true}',
    's-maxage="1"\n{"issuer":"https://HOST/","jwks_uri":"https://user@HOST:8443/jwks.json","jwks":{"keys":[]}}',
  ].map((text) => Buffer.from(text)),
  async run(input) {
    const at = Math.max(0, input.indexOf(10))
    caching = input.toString('latin1', 0, at).replace(/[^\x20-\x7e]/g, '')
    document = input.toString('utf8', at + 1)
    const { served, host } = await readMetadata()
    if (!served) return
    const read = JSON.parse(document.replaceAll('https://HOST', `https://${host}`)) as Record<string, unknown>
    if (read['issuer'] !== `https://${host}`) wrong('served by the metadata of another issuer')
    const { protocol, host: where } = new URL(String(read['jwks_uri']))
    if (protocol !== 'https:' || where !== host) wrong('served by keys of another host')
  },
}

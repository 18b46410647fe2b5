import { createHash } from 'node:crypto'
import { createResourceServer, type ResourceServer } from '@countersign/core'
import type { Outcome } from '@countersign/core/adapter'
import { explain } from '@countersign/core/explain'
import {
  checkContentDigest,
  contentDigest,
  type HttpRequest,
  Refusal,
  readSignature,
  type SignaturePolicy,
  unsigned,
} from '@countersign/core/signature'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { parseDictionary } from 'structured-headers'
import { authority, jwks, now, options, signed, toBytes, tokens, toRequest } from './cast.js'

/** What is fuzzed. It throws, or rejects, where something is wrong. */
export interface Target {
  readonly name: string
  /** Whether each run makes a server of its own, so that there are far fewer in the same time. */
  readonly isSlow?: true
  /** What to begin with, beside what is kept in the corpus. */
  readonly seeds: readonly Buffer[]
  run(input: Buffer): Promise<void>
}

const requests = await Promise.all([
  ...tokens.map((jwt) => signed(jwt)),
  signed(
    tokens[0] as string,
    ['Content-Digest', contentDigest(Buffer.from('x'))],
    ['@method', '@authority', '@path', '@query', 'content-digest', 'signature-key'],
  ),
])
const seeds = requests.map(toBytes)

function wrong(what: string): never {
  throw new Error(what)
}

/** Whether a library that knows nothing of ours agrees that the token of a request is signed by its issuer. */
async function isGoodToken({ rawHeaders }: HttpRequest, keys: JSONWebKeySet): Promise<boolean> {
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'signature-key')
  const members = parseDictionary(rawHeaders[at + 1] ?? '')
  for (const [, [, parameters]] of members) {
    const jwt = parameters.get('jwt')
    if (typeof jwt !== 'string') continue
    const verified = await jwtVerify(jwt, createLocalJWKSet(keys), {
      currentDate: new Date(now * 1000),
    }).catch(() => undefined)
    if (verified !== undefined) return true
  }
  return false
}

const inShort = (outcome: Outcome): string => {
  const { served } = outcome
  if (served) return `served ${outcome.caller?.kind}`
  const { status } = outcome.answer
  if (status >= 500 && status !== 503) wrong(`answers ${status}: ${outcome.code} ${outcome.detail}`)
  return `${status} ${outcome.code} ${outcome.answer.headers['Signature-Error'] ?? ''}`
}

const answering =
  (body: () => string) =>
  async (url: string | URL | Request): Promise<Response> => {
    const { origin, pathname } = new URL(url instanceof Request ? url.url : url)
    const isMetadata = pathname.startsWith('/.well-known/')
    const document = isMetadata ? JSON.stringify({ issuer: origin, jwks_uri: `${origin}/jwks.json` }) : body()
    return new Response(document, { headers: { 'Content-Type': 'application/json' } })
  }

/** With the short cuts of the signatures that nearly everybody makes, and without: the same must come of both. */
const shortcuts = Symbol.for('countersign.shortcuts')
const world = globalThis as { [name: symbol]: unknown }
function without<T>(make: () => T): T {
  const before = world[shortcuts]
  world[shortcuts] = false
  try {
    return make()
  } finally {
    world[shortcuts] = before
  }
}
const makeServer = (): ResourceServer => createResourceServer(options(answering(() => JSON.stringify(jwks))))
const [quick, thorough] = [makeServer(), without(makeServer)].map((server) =>
  server.require({ identity: 'any' }),
) as [ReturnType<ResourceServer['require']>, ReturnType<ResourceServer['require']>]

const request: Target = {
  name: 'request',
  seeds,
  async run(input) {
    const sent = toRequest(input)
    const [one, other] = [await quick.check(sent), await thorough.check(sent)].map((outcome) => [
      inShort(outcome),
      outcome.served,
    ]) as [[string, boolean], [string, boolean]]
    if (one[0] !== other[0]) wrong(`with short cuts ${one[0]}, without ${other[0]}`)
    if (one[1] && !(await isGoodToken(sent, jwks as unknown as JSONWebKeySet)))
      wrong('served, and jose does not verify its token')
  },
}

const policy: SignaturePolicy = {
  authority,
  scheme: 'https',
  components: [],
  window: 60,
  schemes: ['jwt', 'jwks_uri'],
  limits: { signatureInput: 4096, signature: 2048, signatureKey: 12_288, components: 32 },
}

const fields: Target = {
  name: 'fields',
  seeds: requests.map(({ rawHeaders }) =>
    Buffer.from(
      rawHeaders
        .slice(-6)
        .filter((_, i) => i % 2 === 1)
        .join('\n'),
      'latin1',
    ),
  ),
  async run(input) {
    const [signatureInput = '', signature = '', signatureKey = ''] = input.toString('latin1').split('\n')
    const given = { 'Signature-Input': signatureInput, Signature: signature, 'Signature-Key': signatureKey }
    const rawHeaders = ['Host', authority, ...Object.entries(given).flat()]
    const read = readSignature({ method: 'GET', target: '/data?x=1', rawHeaders }, policy, now)
    if (read === unsigned || read instanceof Refusal) return
    const [inner] = (parseDictionary(signatureInput).get(read.label) ??
      wrong('no such member')) as readonly unknown[]
    if (!Array.isArray(inner) || inner.length !== read.covered.length) wrong('covers something else')
    const [bytes] = parseDictionary(signature).get(read.label) ?? wrong('no such signature')
    if (!(bytes instanceof ArrayBuffer) || !Buffer.from(bytes).equals(read.signature))
      wrong('another signature')
  },
}

/** A key set, or metadata, of a stranger's. */
const issuers: Target = {
  name: 'issuers',
  isSlow: true,
  seeds: [JSON.stringify(jwks), JSON.stringify({ keys: [] }), '{"keys":[{"kty":"EC","crv":"P-256"}]}'].map(
    (text) => Buffer.from(text),
  ),
  async run(input) {
    const body = input.toString('utf8')
    const server = createResourceServer(options(answering(() => body)))
    const sent = requests[0] as HttpRequest
    const outcome = await server.require({ identity: 'any' }).check(sent)
    server.close()
    inShort(outcome)
    if (!outcome.served) return
    const keys = JSON.parse(body) as JSONWebKeySet
    if (!(await isGoodToken(sent, keys))) wrong('served, and jose does not verify its token')
  },
}

const capture: Target = {
  name: 'capture',
  isSlow: true,
  seeds: [
    ...seeds.map((bytes) =>
      Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n').concat('\r\n\r\n'), 'latin1'),
    ),
    Buffer.from(`curl https://rs.example/data?x=1 -X POST -H 'Signature-Input: sig=()' -H "A: b" --data 'x'`),
  ],
  async run(input) {
    const payload = /eyJ[\w-]+\.(eyJ[\w-]{40,})\./.exec(input.toString('latin1'))?.[1]
    for (const captured of [input, input.toString('utf8')]) {
      try {
        const { text } = await explain(captured, {
          server: options(answering(() => JSON.stringify(jwks))),
          require: 'agent',
        })
        if (payload !== undefined && text.includes(payload)) wrong('prints a token whole')
      } catch (cause) {
        if (!(cause instanceof TypeError)) throw cause
      }
    }
  },
}

/** A field and the content that it is said to be of, with a line break between them. */
const digest: Target = {
  name: 'digest',
  seeds: ['', 'bread'].map((content) => Buffer.from(`${contentDigest(Buffer.from(content))}\n${content}`)),
  async run(input) {
    const at = input.indexOf(10)
    const value = input.subarray(0, Math.max(0, at)).toString('latin1')
    const content = input.subarray(at + 1)
    if (checkContentDigest(value, content) !== undefined) return
    const names = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const
    let known = 0
    for (const [name, [found]] of parseDictionary(value)) {
      if (!(name in names)) continue
      known++
      const hash = createHash(names[name as keyof typeof names])
        .update(content)
        .digest()
      if (!(found instanceof ArrayBuffer) || !Buffer.from(found).equals(hash))
        wrong(`${name} is of something else`)
    }
    if (known === 0) wrong('good, and there is no digest')
  },
}

/** A token in place of the good one: ours takes no more than jose decodes. */
const token: Target = {
  name: 'token',
  seeds: tokens.map((jwt) => Buffer.from(jwt)),
  async run(input) {
    const jwt = input.toString('latin1')
    const sent = requests[0] as HttpRequest
    const rawHeaders = sent.rawHeaders.map((value) => value.replace(/jwt="[^"]*"/, () => `jwt="${jwt}"`))
    const outcome = await quick.check({ ...sent, rawHeaders })
    const told = inShort(outcome)
    if (told !== inShort(await thorough.check({ ...sent, rawHeaders }))) wrong('short cuts change the answer')
    if (outcome.served && jwt !== tokens[0]) wrong('served with another token than was signed')
    if (outcome.served) decodeJwt(jwt)
  },
}

/** All of them, by name. */
export const targets: ReadonlyMap<string, Target> = new Map(
  [fields, request, token, issuers, digest, capture].map((target) => [target.name, target]),
)

import { sign } from 'node:crypto'
import { createResourceServer } from '@countersign/core'
import { explain } from '@countersign/core/explain'
import {
  contentDigest,
  type HttpRequest,
  Refusal,
  readSignature,
  type SignaturePolicy,
  unsigned,
} from '@countersign/core/signature'
import { decodeJwt } from 'jose'
import {
  agentSecret,
  authority,
  issuerSecret,
  now,
  options,
  signed,
  toBytes,
  tokens,
  toRequest,
} from './cast.js'
import { goodIssuers, judged, type Target, wrong } from './target.js'

/** Good ones. */
export const requests: readonly HttpRequest[] = await Promise.all([
  ...tokens.map((jwt) => signed(jwt)),
  signed(
    tokens[0] as string,
    ['Content-Digest', contentDigest(Buffer.from('x'))],
    ['@method', '@authority', '@path', '@query', 'content-digest', 'signature-key'],
  ),
])
const seeds = requests.map(toBytes)

export const policy: SignaturePolicy = {
  authority,
  scheme: 'https',
  components: [],
  window: 60,
  schemes: ['jwt', 'jwks_uri'],
  limits: { signatureInput: 4096, signature: 2048, signatureKey: 12_288, components: 32 },
}

const explaining = {
  server: options(goodIssuers),
  require: { identity: 'any' },
  at: new Date(now * 1000),
} as const

/**
 * What explains a refusal says the same as what refuses: a server that knows as little, since of two faults the one is found
 * first that costs nothing to find.
 */
async function isExplained(sent: HttpRequest): Promise<void> {
  const { method, target, rawHeaders } = sent
  const headers = rawHeaders.flatMap((name, i) =>
    i % 2 === 0 ? [[name, rawHeaders[i + 1] as string] as const] : [],
  )
  // What a capture has that a socket has not, and what says that there is content.
  if (headers.some(([name]) => /^(?::|content-length$|transfer-encoding$)/i.test(name))) return
  if (/^https?:/i.test(target)) return
  const told = await explain({ method, url: target, headers }, explaining).catch((cause: unknown) => {
    // No request that came over a socket, so there is nothing to compare.
    if (cause instanceof TypeError) return undefined
    throw cause
  })
  if (told === undefined) return
  const server = createResourceServer(explaining.server)
  const outcome = await server.require(explaining.require).check(sent)
  server.close()
  const answer = outcome.served ? '200 served' : `${outcome.answer.status} ${outcome.code}`
  const explained = `${told.status} ${told.code}`
  if (explained !== answer) wrong(`answered ${answer}, explained as ${explained}`)
}

/** The same, signed by the agent as it says that it is: whoever has a key may cover whatever they like. */
function resigned(sent: HttpRequest): HttpRequest | undefined {
  const read = readSignature(sent, policy, now)
  if (read === unsigned || read instanceof Refusal) return undefined
  const signature = `${read.label}=:${sign(null, read.base, agentSecret).toString('base64')}:`
  const { rawHeaders } = sent
  const isSignature = (i: number): boolean => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'signature'
  return { ...sent, rawHeaders: rawHeaders.map((value, i) => (isSignature(i) ? signature : value)) }
}

/** The head of a request. */
export const request: Target = {
  name: 'request',
  weight: 6,
  seeds,
  async run(input) {
    const sent = toRequest(input)
    for (const one of [sent, resigned(sent)]) {
      if (one === undefined) continue
      await judged(one)
      // An explanation makes a server of its own, so few are asked for.
      if (input.length % 64 === 0) await isExplained(one)
    }
  },
}

/** A token in place of the good one: ours takes no more than jose decodes. */
export const token: Target = {
  name: 'token',
  weight: 2,
  seeds: tokens.map((jwt) => Buffer.from(jwt)),
  async run(input) {
    const jwt = input.toString('latin1')
    const sent = requests[0] as HttpRequest
    const rawHeaders = sent.rawHeaders.map((value) => value.replace(/jwt="[^"]*"/, () => `jwt="${jwt}"`))
    const { served } = await judged({ ...sent, rawHeaders })
    if (served && jwt !== tokens[0]) wrong('served with another token than was signed')
    if (served) decodeJwt(jwt)
  },
}

const partsOf = (jwt: string): Buffer =>
  Buffer.from(
    jwt
      .split('.', 2)
      .map((part) => Buffer.from(part, 'base64url').toString('latin1'))
      .join('\n'),
    'latin1',
  )

/** The header and the claims of a token, with a line break between them, which its issuer signs as they are. */
export const claims: Target = {
  name: 'claims',
  weight: 3,
  seeds: tokens.map(partsOf),
  async run(input) {
    const at = input.indexOf(10)
    const content = [input.subarray(0, Math.max(0, at)), input.subarray(at + 1)]
      .map((part) => part.toString('base64url'))
      .join('.')
    const jwt = `${content}.${sign(null, Buffer.from(content), issuerSecret).toString('base64url')}`
    const { served } = await judged(await signed(jwt))
    if (!served) return
    const { exp, iat, sub, cnf } = decodeJwt<{ cnf: { jwk: { x: string } } }>(jwt)
    if (typeof exp !== 'number' || typeof iat !== 'number' || typeof sub !== 'string')
      wrong('served without a claim')
    if (exp <= now - 60 || iat > now + 60) wrong('served out of its time')
    if (cnf.jwk.x !== agentX) wrong('served with the key of another')
  },
}
const { x: agentX } = (decodeJwt(tokens[0] as string)['cnf'] as { readonly jwk: { readonly x: string } }).jwk

/** What an operator pastes. */
export const capture: Target = {
  name: 'capture',
  weight: 2,
  seeds: [
    ...seeds.map((bytes) =>
      Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n').concat('\r\n\r\n'), 'latin1'),
    ),
    Buffer.from(`curl https://rs.example/data?x=1 -X POST -H 'Signature-Input: sig=()' -H "A: b" --data 'x'`),
  ],
  async run(input) {
    const payload = /eyJ[\w-]+\.(eyJ[\w-]{40,})\./.exec(input.toString('latin1'))?.[1]
    // Its bytes and its text by turns.
    const captured = input.length % 2 === 0 ? input : input.toString('utf8')
    try {
      const { text } = await explain(captured, { ...explaining, require: 'agent' })
      if (payload !== undefined && text.includes(payload)) wrong('prints a token whole')
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause
    }
  },
}

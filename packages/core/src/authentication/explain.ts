import { importPublicJwk, KeyFault } from '../crypto/keys.js'
import type { Diagnose } from '../diagnostics.js'
import type { Refusal } from '../errors.js'
import { fieldLines, type HttpRequest, trimField } from '../http/message.js'
import { readSignature, type SignaturePolicy } from '../signature/read.js'
import { unverified, verifySignature } from '../signature/verify.js'
import { readToken } from '../token/read.js'
import type { TokenPolicy } from '../token/types.js'

/** The dependencies of {@link createExplain}: the same policies that refused. */
export interface ExplainContext {
  readonly signature: SignaturePolicy
  readonly token: TokenPolicy
  /** Milliseconds. */
  readonly clock: () => number
}

/** Looks for a misconfiguration of this server behind a refused request. The refusal does not change. */
export type Explain = (request: HttpRequest, refusal: Refusal) => void

// Each look verifies a signature a few times, so that strangers could have us verify more than they could anyway. One
// that explains nothing must not take the place of one that would: there are some at once, and more with time.
const mostLooks = 30
const pause = 2000

// What proxies say of the target they received. None of it is standard, and none of it is ever believed.
const targetFields = ['x-forwarded-uri', 'x-original-uri', 'x-original-url', 'x-envoy-original-path']
const most = 3

/** What the agent may have signed instead of what arrived. */
interface Variant {
  readonly method: string
  readonly target: string
  readonly host: string
}

/**
 * After a signature that does not verify: would it, for the host or the target that the agent or a proxy names, or for
 * another method? Then the agent did nothing wrong. Without such a field a stripped prefix cannot be told for certain.
 *
 * @param monotonic milliseconds that only ever grow
 */
export function createExplain(context: ExplainContext, diagnose: Diagnose, monotonic: () => number): Explain {
  let looks = mostLooks
  let since = Number.NEGATIVE_INFINITY
  const mayLook = (): boolean => {
    const now = monotonic()
    looks = Math.min(mostLooks, looks + Math.max(0, now - since) / pause)
    since = now
    if (looks < 1) return false
    looks--
    return true
  }

  return (request, refusal) => {
    if (request.foreign === true && isOfWire(refusal)) diagnose('AAUTH_FOREIGN_REQUEST')
    if (refusal.details.detail !== unverified || !isVerifiable(request)) return
    const hosts = otherHosts(request, context.signature.authority)
    const targets = otherTargets(request)
    const methods = otherMethods(request)
    if (hosts.length + targets.length + methods.length > 0 && mayLook())
      explain(request, hosts, targets, methods)
  }

  function explain(
    request: HttpRequest,
    hosts: readonly string[],
    targets: readonly string[],
    methods: readonly string[],
  ): void {
    const { authority } = context.signature
    const { method, target } = request
    const variants: Variant[] = [
      ...methods.map((other) => ({ method: other, target, host: authority })),
      ...[authority, ...hosts].flatMap((host) =>
        [target, ...targets].map((other) => ({ method, target: other, host })),
      ),
    ]
    const signed = variants.find((variant) => verifies(request, variant, context))
    if (signed === undefined) {
      const [host] = hosts
      if (host !== undefined) diagnose('AAUTH_REWRITTEN', `${host}, not ${authority}`)
      return
    }
    if (signed.method !== method)
      diagnose('AAUTH_METHOD', `it verifies for ${signed.method}, not for ${method}`)
    if (signed.host !== authority)
      diagnose('AAUTH_HOST', `it verifies for ${signed.host}, not for ${authority}`)
    if (signed.target !== target)
      diagnose(
        'AAUTH_PATH_PREFIX',
        `it verifies for ${legible(signed.target)}, of which ${fieldOf(request, signed.target)} tells, not for ${legible(target)}`,
      )
  }
}

/** Whether a refusal may come of what somebody made of the request on its way to us. */
function isOfWire({ code }: Refusal): boolean {
  return code === 'invalid_signature' || code === 'invalid_input' || code === 'invalid_request'
}

/** Whether it is worth a look at all: only of tokens is it known under which key the signature has to verify. */
function isVerifiable({ rawHeaders }: HttpRequest): boolean {
  return fieldLines(rawHeaders, 'signature-key').some((line) => line.includes('jwt='))
}

function verifies(request: HttpRequest, variant: Variant, context: ExplainContext): boolean {
  const { rawHeaders, hasContent } = request
  const { method, target, host } = variant
  const now = Math.floor(context.clock() / 1000)
  const read = readSignature(
    { method, target, rawHeaders, hasContent },
    // These looks are no checks of the request.
    { ...context.signature, authority: host, trace: undefined },
    now,
  )
  if (typeof read === 'symbol' || !('base' in read) || read.key.scheme !== 'jwt') return false
  const token = readToken(read.key.jwt, { ...context.token, trace: undefined }, now)
  if (!('claims' in token)) return false
  const key = importPublicJwk(token.claims.cnf.jwk)
  return !(key instanceof KeyFault) && verifySignature(read, key) === undefined
}

function otherHosts({ rawHeaders }: HttpRequest, authority: string): string[] {
  const named = [...fieldLines(rawHeaders, 'host'), ...listed(rawHeaders, 'x-forwarded-host')]
  const hosts = named.map((host) => trimField(host).toLowerCase().replace(/:443$/, ''))
  return [...new Set(hosts)]
    .filter((host) => host !== authority && /^[a-z0-9._:[\]-]{1,255}$/.test(host))
    .slice(0, most)
}

function otherTargets({ rawHeaders, target }: HttpRequest): string[] {
  const prefixed = listed(rawHeaders, 'x-forwarded-prefix').map(
    (prefix) => `${prefix.replace(/\/$/, '')}${target}`,
  )
  const originals = targetFields.flatMap((name) => fieldLines(rawHeaders, name).map(trimField))
  return [...new Set([...prefixed, ...originals])]
    .filter((other) => other !== target && other.startsWith('/'))
    .slice(0, most)
}

/** The field that names a target which is not the one that arrived. */
function fieldOf(request: HttpRequest, target: string): string {
  const { rawHeaders } = request
  const names = (name: string): boolean =>
    fieldLines(rawHeaders, name).some((line) => trimField(line) === target)
  return targetFields.find(names) ?? 'x-forwarded-prefix'
}

/** A target for a log: its path alone, since a query may hold what is secret. */
const legible = (target: string): string =>
  (target.split('?', 1)[0] ?? '').replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 200)

/** What `method-override` and its like make others of; and of `HEAD` some make `GET`. */
function otherMethods({ method }: HttpRequest): string[] {
  return ['POST', ...(method === 'GET' ? ['HEAD'] : [])].filter((other) => other !== method)
}

const listed = (rawHeaders: readonly string[], name: string): string[] =>
  fieldLines(rawHeaders, name).flatMap((line) => line.split(',').map(trimField))

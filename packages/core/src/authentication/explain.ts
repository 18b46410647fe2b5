import { importPublicJwk, KeyFault } from '../crypto/keys.js'
import type { Diagnose } from '../diagnostics.js'
import type { Refusal } from '../errors.js'
import { fieldLines, type HttpRequest, trimField } from '../http/message.js'
import { readSignature, type SignaturePolicy } from '../signature/read.js'
import { unverified, verifySignature } from '../signature/verify.js'
import { readToken } from '../token/read.js'
import type { TokenPolicy } from '../token/types.js'

/** The dependencies of {@link createExplain}: those of the authentication that refused. */
export interface ExplainContext {
  readonly signature: SignaturePolicy
  readonly token: TokenPolicy
  /** Milliseconds. */
  readonly clock: () => number
}

/** Looks for a misconfiguration of this server behind a refused request. The refusal does not change. */
export type Explain = (request: HttpRequest, refusal: Refusal) => void

// Each look verifies a signature several times, so strangers could cause extra work. The number of looks is limited:
// a few at once, and more as time passes. A look that explains nothing must not use up one that would.
const mostLooks = 30
const pause = 2000

// How proxies name the target that they received. None of these fields is standard, and none is trusted.
const targetFields = ['x-forwarded-uri', 'x-original-uri', 'x-original-url', 'x-envoy-original-path']
const most = 3

/** A request that the agent may have signed instead of the one that arrived. */
interface Variant {
  readonly method: string
  readonly target: string
  readonly host: string
}

/**
 * Looks for the reason why a signature does not verify: would it verify for the host or target that the agent or a
 * proxy names, or for another method? Then the server is misconfigured and the agent is right. Without such a field,
 * a path prefix that a proxy removed cannot be recognised for certain.
 *
 * @param monotonic milliseconds that never decrease
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

/** Whether a refusal may come from a change to the request on its way. */
function isOfWire({ code }: Refusal): boolean {
  return code === 'invalid_signature' || code === 'invalid_input' || code === 'invalid_request'
}

/** Whether a look is possible: only a token says with which key the signature has to verify. */
function isVerifiable({ rawHeaders }: HttpRequest): boolean {
  return fieldLines(rawHeaders, 'signature-key').some((line) => line.includes('jwt='))
}

function verifies(request: HttpRequest, variant: Variant, context: ExplainContext): boolean {
  const { rawHeaders, hasContent } = request
  const { method, target, host } = variant
  const now = Math.floor(context.clock() / 1000)
  const read = readSignature(
    { method, target, rawHeaders, hasContent },
    // These verifications are not checks of the request, so they are not traced.
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

/** The name of the field that holds another target than the one that arrived. */
function fieldOf(request: HttpRequest, target: string): string {
  const { rawHeaders } = request
  const names = (name: string): boolean =>
    fieldLines(rawHeaders, name).some((line) => trimField(line) === target)
  return targetFields.find(names) ?? 'x-forwarded-prefix'
}

/** A target for a log: only its path, because the query may hold secrets. */
const legible = (target: string): string =>
  (target.split('?', 1)[0] ?? '').replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 200)

/** Methods that `method-override` and similar middleware replace; and some turn `HEAD` into `GET`. */
function otherMethods({ method }: HttpRequest): string[] {
  return ['POST', ...(method === 'GET' ? ['HEAD'] : [])].filter((other) => other !== method)
}

const listed = (rawHeaders: readonly string[], name: string): string[] =>
  fieldLines(rawHeaders, name).flatMap((line) => line.split(',').map(trimField))

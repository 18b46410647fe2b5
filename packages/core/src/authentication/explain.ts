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

/** One request a minute is looked into, so that strangers cannot have us verify more than they could anyway. */
const pause = 60_000

// What proxies say of the target they received. None of it is standard, and none of it is ever believed.
const targetFields = ['x-forwarded-uri', 'x-original-uri', 'x-original-url', 'x-envoy-original-path']
const most = 3

/**
 * After a signature that does not verify: would it, for the host or the target that the agent or a proxy names? Then
 * the agent did nothing wrong. Without such a field a stripped prefix cannot be noticed.
 *
 * @param monotonic milliseconds that only ever grow
 */
export function createExplain(context: ExplainContext, diagnose: Diagnose, monotonic: () => number): Explain {
  let next = Number.NEGATIVE_INFINITY
  return (request, refusal) => {
    if (refusal.details.detail !== unverified) return
    const time = monotonic()
    if (time < next) return
    const hosts = otherHosts(request, context.signature.authority)
    const targets = otherTargets(request)
    if (hosts.length + targets.length === 0) return
    next = time + pause
    explain(request, hosts, targets)
  }

  function explain(request: HttpRequest, hosts: readonly string[], targets: readonly string[]): void {
    const { authority } = context.signature
    for (const host of [authority, ...hosts]) {
      for (const target of [request.target, ...targets]) {
        if (!verifies({ ...request, target }, host, context)) continue
        if (host !== authority) diagnose('AAUTH_HOST', `it verifies for ${host}, not for ${authority}`)
        if (target !== request.target) diagnose('AAUTH_PATH_PREFIX')
        return
      }
    }
    const [host] = hosts
    if (host !== undefined) diagnose('AAUTH_HOST', `${host}, not ${authority}`)
  }
}

function verifies(request: HttpRequest, authority: string, context: ExplainContext): boolean {
  const now = Math.floor(context.clock() / 1000)
  const read = readSignature(request, { ...context.signature, authority }, now)
  if (typeof read === 'symbol' || !('base' in read) || read.key.scheme !== 'jwt') return false
  const token = readToken(read.key.jwt, context.token, now)
  if (!('claims' in token)) return false
  const key = importPublicJwk(token.claims.cnf.jwk)
  return !(key instanceof KeyFault) && verifySignature(read, key) === undefined
}

function otherHosts({ rawHeaders }: HttpRequest, authority: string): string[] {
  const named = [...fieldLines(rawHeaders, 'host'), ...listed(rawHeaders, 'x-forwarded-host')]
  const hosts = named.map((host) => trimField(host).toLowerCase().replace(/:443$/, ''))
  return [...new Set(hosts)]
    .filter((host) => host !== authority && /^[a-z0-9.:[\]-]{1,255}$/.test(host))
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

const listed = (rawHeaders: readonly string[], name: string): string[] =>
  fieldLines(rawHeaders, name).flatMap((line) => line.split(',').map(trimField))

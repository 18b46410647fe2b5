import { authenticateServer } from '../checks/authenticate.js'
import type { Document } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isEndpoint } from '../checks/identifiers.js'
import { type Answer, problem } from '../wire/answers.js'
import type { Handler } from '../wire/server.js'
import { faultAnswer, readJson } from './body.js'
import type { TownServer } from './town-server.js'

/** The result of sending a revocation (AAuth 11.12.3). */
export interface RevocationOutcome {
  readonly outcome: 'recorded' | 'revocation_unsupported' | 'revocation_unavailable'
  /** Absent when the recipient publishes no endpoint or could not be reached. */
  readonly response?: Response
}

/** A token to revoke: its own `jti` and `exp` (seconds). */
export interface RevokedToken {
  readonly jti: string
  readonly exp: number
}

/** Sends `recipient` the revocation of a token of `sender`: `POST {"jti","exp"}` to the endpoint its metadata names. */
export async function sendRevocation(
  sender: TownServer,
  token: RevokedToken,
  recipient: string,
  document: Document,
): Promise<RevocationOutcome> {
  const metadata = await sender.directory.metadata(recipient, document)
  if (metadata instanceof Fault) return { outcome: 'revocation_unavailable' }
  const endpoint = metadata['revocation_endpoint']
  if (!isEndpoint(endpoint)) return { outcome: 'revocation_unsupported' }
  let response: Response
  try {
    response = await sender.post(endpoint, { jti: token.jti, exp: token.exp })
  } catch {
    return { outcome: 'revocation_unavailable' }
  }
  return { outcome: await outcomeOf(response.clone()), response }
}

async function outcomeOf(response: Response): Promise<RevocationOutcome['outcome']> {
  const text = await response.text()
  let body: unknown
  try {
    body = text === '' ? {} : JSON.parse(text)
  } catch {
    return 'revocation_unavailable'
  }
  if (response.status === 200 && typeof body === 'object' && body !== null) return 'recorded'
  const unsupported = (body as { error?: unknown } | null)?.error === 'unsupported_iss'
  return unsupported ? 'revocation_unsupported' : 'revocation_unavailable'
}

/**
 * A revocation endpoint (AAuth 11.12). Records under the verified caller, then answers an empty `200`.
 *
 * @param after may act on the recorded revocation and answer instead of the empty `200`
 */
export function revocationEndpoint(
  server: TownServer,
  documents: readonly Document[],
  after?: (issuer: string, token: RevokedToken) => Promise<Answer | undefined>,
): Handler {
  return async (request) => {
    const caller = await authenticateServer(request, server, documents)
    if ('status' in caller) return caller
    const body = readJson(request)
    if (body instanceof Fault) return faultAnswer(body)
    const { jti, exp } = body
    if (typeof jti !== 'string' || jti === '' || typeof exp !== 'number' || !Number.isSafeInteger(exp)) {
      return problem(400, 'invalid_request', 'jti and exp are required')
    }
    server.recordRevocation(caller.id, jti)
    return (await after?.(caller.id, { jti, exp })) ?? { status: 200, headers: {}, body: '' }
  }
}

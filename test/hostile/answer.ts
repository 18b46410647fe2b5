import { decodeJwt } from 'jose'
import type { RawResponse } from './wire.js'

/** Everything in an answer that the protocol decides. A field that is not there is `undefined`. */
export interface Answer {
  readonly status: number
  readonly signatureError?: string | undefined
  /** `AAuth-Requirement`, with the resource token cut out. */
  readonly requirement?: string | undefined
  readonly acceptScheme?: string | undefined
  readonly acceptAlg?: string | undefined
  /** The member `error` of the body. */
  readonly error?: string | undefined
  /** The member `type` of the body. */
  readonly type?: string | undefined
  readonly retryAfter?: boolean | undefined
  /** Claims of the resource token in the answer; only those that a case names are compared. */
  readonly resourceToken?: Readonly<Record<string, unknown>> | undefined
  /** How often a handler ran. */
  readonly ran: number
}

/** Reads an answer. */
export function readAnswer(response: RawResponse, ran: number): Answer {
  const field = (name: string): string | undefined => response.headers.get(name)?.join(', ')
  const requirement = field('aauth-requirement')
  const token = /resource-token="([^"]*)"/.exec(requirement ?? '')?.[1]
  const isProblem = field('content-type') === 'application/problem+json' && response.body !== ''
  const problem = isProblem ? JSON.parse(response.body) : {}
  return {
    status: response.status,
    signatureError: field('signature-error'),
    requirement: requirement?.replace(token ?? '', ''),
    acceptScheme: field('accept-signature-scheme'),
    acceptAlg: field('accept-signature-alg'),
    error: problem.error,
    type: problem.type,
    retryAfter: response.headers.has('retry-after') ? true : undefined,
    resourceToken: token === undefined ? undefined : decodeJwt(token),
    ran,
  }
}

/** The request was served, and its handler ran once. */
export const served: Answer = { status: 200, ran: 1 }

const accepts: ReadonlyMap<string, Partial<Answer>> = new Map([
  ['unsupported_scheme', { acceptScheme: 'jwt' }],
  ['unsupported_algorithm', { acceptAlg: 'Ed25519, ES256' }],
])

/** `401` with `Signature-Error: error=code`, the body that goes with it, and what `code` says is accepted. */
export function signatureError(code: string, more: Partial<Answer> = {}): Answer {
  return {
    status: 401,
    signatureError: `error=${code}`,
    error: code,
    type: `urn:ietf:params:sig-error:${code}`,
    ran: 0,
    ...accepts.get(code),
    ...more,
  }
}

/** `invalid_input`, with the components that are required. */
export function invalidInput(...additional: readonly string[]): Answer {
  const required = ['@method', '@authority', '@path', 'signature-key', ...additional]
  const list = required.map((name) => `"${name}"`).join(' ')
  return signatureError('invalid_input', { signatureError: `error=invalid_input, required_input=(${list})` })
}

/** `401` with a requirement only. */
export function asks(requirement: 'agent-token' | 'person-token'): Answer {
  return { status: 401, requirement: `requirement=${requirement}`, error: requirement, ran: 0 }
}

/** `401` to a request without any signature field: the requirement, and how to sign. */
export function asksUnsigned(requirement: 'agent-token' | 'person-token'): Answer {
  return signatureError('invalid_signature', {
    requirement: `requirement=${requirement}`,
    acceptScheme: 'jwt',
  })
}

/** `401` that asks for an auth token and brings a resource token with at least these claims. */
export function asksGrant(claims: Readonly<Record<string, unknown>>): Answer {
  return {
    status: 401,
    requirement: 'requirement=auth-token;resource-token=""',
    error: 'auth-token',
    resourceToken: claims,
    ran: 0,
  }
}

/** A problem that is no signature failure: no signature field is on it. */
export function problem(status: number, error: string, more: Partial<Answer> = {}): Answer {
  return { status, error, ran: 0, ...more }
}

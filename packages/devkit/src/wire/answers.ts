import {
  type Dictionary,
  isInnerList,
  parseDictionary,
  serializeDictionary,
  serializeInnerList,
  Token,
} from 'structured-headers'

/** A response as plain data. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A JSON answer, never cached unless `headers` say so. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
    body: JSON.stringify(value),
  }
}

/** A problem body (RFC 9457) with the `error` member of AAuth 11.9.2. */
export function problem(status: number, error: string, detail?: string): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ error, status, ...(detail === undefined ? {} : { detail }) }),
  }
}

/** What a signature failure may carry beside its code (Signature-Key draft, 4 and 5). */
export interface SignatureFaultDetails {
  readonly detail?: string | undefined
  readonly requiredInput?: readonly string[] | undefined
  readonly acceptScheme?: readonly string[] | undefined
  readonly acceptAlgorithm?: readonly string[] | undefined
}

/** `401` with `Signature-Error` (AAuth 11.3.4). */
export function signatureFault(error: string, details: SignatureFaultDetails = {}): Answer {
  const members: Dictionary = new Map([['error', [new Token(error), new Map()]]])
  if (details.requiredInput !== undefined) {
    members.set('required_input', [details.requiredInput.map((name) => [name, new Map()]), new Map()])
  }
  const answer = problem(401, error, details.detail)
  const headers: Record<string, string> = {
    ...answer.headers,
    'Signature-Error': serializeDictionary(members),
  }
  if (details.acceptScheme !== undefined) headers['Accept-Signature-Scheme'] = details.acceptScheme.join(', ')
  if (details.acceptAlgorithm !== undefined) {
    headers['Accept-Signature-Alg'] = details.acceptAlgorithm.join(', ')
  }
  return { ...answer, headers }
}

/** What an `AAuth-Requirement` header asks for (AAuth 11.6.1). */
export interface Requirement {
  /** `agent-token`, `person-token`, `auth-token`, `interaction`, `approval`, … */
  readonly name: string
  /** The String parameters: `resource-token`, `url`, `code`, … */
  readonly parameters: Readonly<Record<string, string>>
}

/** Serialises an `AAuth-Requirement`. */
export function requirementHeader(name: string, parameters: Readonly<Record<string, string>> = {}): string {
  return serializeDictionary(
    new Map([['requirement', [new Token(name), new Map(Object.entries(parameters))]]]),
  )
}

/**
 * Reads the `AAuth-Requirement` of a response; `undefined` when there is none or it is malformed.
 *
 * @example
 * ```ts
 * import { readRequirement } from '@countersign/devkit'
 *
 * const headers = { 'AAuth-Requirement': 'requirement=agent-token' }
 * const requirement = readRequirement(new Response(null, { status: 401, headers }))
 * console.log(requirement?.name) // agent-token
 * ```
 */
export function readRequirement(response: Response): Requirement | undefined {
  const member = dictionary(response.headers.get('aauth-requirement'))?.get('requirement')
  if (member === undefined || isInnerList(member) || !(member[0] instanceof Token)) return undefined
  const parameters: Record<string, string> = {}
  for (const [name, value] of member[1]) if (typeof value === 'string') parameters[name] = value
  return { name: member[0].toString(), parameters }
}

/** What a `Signature-Error` header says. */
export interface SignatureError {
  readonly error: string
  readonly requiredInput: readonly string[] | undefined
}

/**
 * Reads the `Signature-Error` of a response.
 *
 * @example
 * ```ts
 * import { readSignatureError } from '@countersign/devkit'
 *
 * const headers = { 'Signature-Error': 'error=invalid_signature' }
 * const problem = readSignatureError(new Response(null, { status: 401, headers }))
 * console.log(problem?.error) // invalid_signature
 * ```
 */
export function readSignatureError(response: Response): SignatureError | undefined {
  const members = dictionary(response.headers.get('signature-error'))
  const error = members?.get('error')
  if (error === undefined || isInnerList(error) || !(error[0] instanceof Token)) return undefined
  const required = members?.get('required_input')
  return {
    error: error[0].toString(),
    requiredInput:
      required !== undefined && isInnerList(required)
        ? required[0].map((item) =>
            item[1].size === 0 ? String(item[0]) : serializeInnerList([[item], new Map()]).slice(1, -1),
          )
        : undefined,
  }
}

function dictionary(text: string | null): Dictionary | undefined {
  if (text === null) return undefined
  try {
    return parseDictionary(text)
  } catch {
    return undefined
  }
}

import { type Dictionary, serializeDictionary, Token } from 'structured-headers'

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

/** The details of a signature failure besides its code (Signature-Key draft, 4 and 5). */
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

/** Serialises an `AAuth-Requirement`. */
export function requirementHeader(name: string, parameters: Readonly<Record<string, string>> = {}): string {
  return serializeDictionary(
    new Map([['requirement', [new Token(name), new Map(Object.entries(parameters))]]]),
  )
}

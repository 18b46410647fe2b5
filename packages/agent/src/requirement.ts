import { type Dictionary, isInnerList, parseDictionary, serializeInnerList, Token } from 'structured-headers'

/** Limit on the characters of a field; a resource token has up to 12,288. */
const longest = 16_384

/** What an `AAuth-Requirement` header asks for (AAuth 11.6.1). */
export interface Requirement {
  /** `agent-token`, `person-token`, `auth-token`, `interaction`, `approval`, … */
  readonly name: string
  /** The String parameters: `resource-token`, `url`, `code`, … The object has no prototype. */
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Reads the `AAuth-Requirement` of a response; `undefined` when there is none or it is malformed.
 *
 * @example
 * ```ts
 * import { readRequirement } from '@countersign/agent'
 *
 * const headers = { 'AAuth-Requirement': 'requirement=agent-token' }
 * const requirement = readRequirement(new Response(null, { status: 401, headers }))
 * console.log(requirement?.name) // agent-token
 * ```
 */
export function readRequirement(response: Response): Requirement | undefined {
  const member = dictionary(response.headers.get('aauth-requirement'))?.get('requirement')
  if (member === undefined || isInnerList(member) || !(member[0] instanceof Token)) return undefined
  const parameters = Object.create(null) as Record<string, string>
  for (const [name, value] of member[1]) if (typeof value === 'string') parameters[name] = value
  return { name: member[0].toString(), parameters }
}

/** The content of a `Signature-Error` header (Signature-Key draft, 5). */
export interface SignatureError {
  readonly error: string
  /** With `invalid_input`: every component that the server requires, by name or in serialised form. */
  readonly requiredInput: readonly string[] | undefined
}

/**
 * Reads the `Signature-Error` of a response; `undefined` when there is none or it is malformed.
 *
 * @example
 * ```ts
 * import { readSignatureError } from '@countersign/agent'
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
  if (text === null || text.length > longest) return undefined
  try {
    return parseDictionary(text)
  } catch {
    return undefined
  }
}

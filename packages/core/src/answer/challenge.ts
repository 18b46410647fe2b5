import { LRUCache } from 'lru-cache'
import {
  type Dictionary,
  type InnerList,
  type Item,
  type Parameters,
  serializeDictionary,
  serializeList,
  Token,
} from 'structured-headers'
import { algorithms } from '../crypto/algorithms.js'
import { errorEntry, type Refusal } from '../errors.js'
import { type Answer, problemAnswer } from '../http/message.js'

const noParameters = (): Parameters => new Map()
const tokenList = (names: Iterable<string>): string =>
  serializeList([...names].map((name): Item => [new Token(name), noParameters()]))

/** The algorithms that are accepted, in the spelling of the registry. */
const acceptAlgorithms = tokenList(algorithms.keys())

/** `AAuth-Requirement` (AAuth 11.6.1): a Dictionary whose member `requirement` is a Token with parameters. */
export function requirementField(
  requirement: string,
  parameters: Readonly<Record<string, string>> = {},
): string {
  return serializeDictionary(
    new Map([['requirement', [new Token(requirement), new Map(Object.entries(parameters))]]]) as Dictionary,
  )
}

// Answers that strangers can cause without end are made once: serialising one costs more than the decision.
const unsignedAnswers = new WeakMap<readonly string[], Map<string, Answer>>()
const refusalAnswers = new LRUCache<string, Answer>({ max: 256 })

function freeze(answer: Answer): Answer {
  Object.freeze(answer.headers)
  return Object.freeze(answer)
}

/** A challenge: `401` with the requirement in `AAuth-Requirement`, without content (G-61). */
export function challengeAnswer(requirement: string, parameters?: Readonly<Record<string, string>>): Answer {
  return {
    status: 401,
    headers: { 'AAuth-Requirement': requirementField(requirement, parameters), 'Cache-Control': 'no-store' },
    body: '',
  }
}

/** The challenge to a request that was not signed at all, which says how to sign as well (G-04). */
export function unsignedAnswer(requirement: string, schemes: readonly string[]): Answer {
  let answers = unsignedAnswers.get(schemes)
  if (answers === undefined) {
    answers = new Map()
    unsignedAnswers.set(schemes, answers)
  }
  let answer = answers.get(requirement)
  if (answer === undefined) {
    answer = freeze(makeUnsignedAnswer(requirement, schemes))
    answers.set(requirement, answer)
  }
  return answer
}

function makeUnsignedAnswer(requirement: string, schemes: readonly string[]): Answer {
  const { status, headers, body } = challengeAnswer(requirement)
  return {
    status,
    headers: {
      ...headers,
      'Accept-Signature-Scheme': tokenList(schemes),
      'Signature-Error': 'error=invalid_signature',
    },
    body,
  }
}

/** The answer to a refused request. Only a signature failure carries signature fields; a `403` never does. */
export function refusalAnswer(refusal: Refusal): Answer {
  const { code, details } = refusal
  const { requiredInput, acceptScheme, retryAfter, requirement } = details
  const isPlain = (requiredInput ?? acceptScheme ?? retryAfter) === undefined
  if (!isPlain) return makeRefusalAnswer(refusal)
  const name = `${code} ${requirement} ${details.detail}`
  let answer = refusalAnswers.get(name)
  if (answer === undefined) {
    answer = freeze(makeRefusalAnswer(refusal))
    refusalAnswers.set(name, answer)
  }
  return answer
}

function makeRefusalAnswer(refusal: Refusal): Answer {
  const { code, details } = refusal
  const { status, title, signature } = errorEntry(code)
  const detail = details.detail === undefined ? {} : { detail: details.detail }
  const headers: Record<string, string> = {}
  if (signature) headers['Signature-Error'] = signatureError(refusal)
  if (details.acceptScheme !== undefined) headers['Accept-Signature-Scheme'] = tokenList(details.acceptScheme)
  if (code === 'unsupported_algorithm') headers['Accept-Signature-Alg'] = acceptAlgorithms
  if (details.requirement !== undefined) headers['AAuth-Requirement'] = requirementField(details.requirement)
  if (details.retryAfter !== undefined) headers['Retry-After'] = String(Math.ceil(details.retryAfter))
  // Signature-Key draft, 5.2: a body beside Signature-Error has this type.
  const type = signature ? { type: `urn:ietf:params:sig-error:${code}` } : {}
  return problemAnswer({ ...type, title, status, error: code, ...detail }, headers)
}

function signatureError({ code, details }: Refusal): string {
  const members = new Map<string, Item | InnerList>([['error', [new Token(code), noParameters()]]])
  if (details.requiredInput !== undefined) {
    const names = details.requiredInput.map((name): Item => [name, noParameters()])
    members.set('required_input', [names, noParameters()])
  }
  return serializeDictionary(members)
}

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
import { errorEntry, Refusal } from '../errors.js'
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

// Answers that strangers can cause without limit are made once: serialising one costs more than the decision.
const unsignedAnswers = new WeakMap<readonly string[], Map<string, Answer>>()
const refusalAnswers = new LRUCache<string, Answer>({ max: 256 })

function freeze(answer: Answer): Answer {
  Object.freeze(answer.headers)
  return Object.freeze(answer)
}

// The meaning of each requirement, for people and models that do not know it. Programs use the field.
const challenges: ReadonlyMap<string, Answer> = new Map(
  (
    [
      [
        'agent-token',
        'An agent token is needed',
        'Sign the request with the key of an agent token, and put that token into Signature-Key.',
      ],
      [
        'person-token',
        'A person token is needed',
        "Get a person token for this resource from the person's server, and sign the request again with it in Signature-Key.",
      ],
      [
        'auth-token',
        'An auth token is needed',
        'Take the resource-token of AAuth-Requirement to the server that it is for, and sign the request again with the auth token that it gives in Signature-Key.',
      ],
    ] as const
  ).map(([requirement, title, detail]) => [
    requirement,
    freeze(
      problemAnswer(
        { title, status: 401, error: requirement, detail },
        { 'AAuth-Requirement': requirementField(requirement) },
      ),
    ),
  ]),
)

/**
 * A challenge: `401` with the requirement in `AAuth-Requirement`, and a problem body that repeats it (G-61).
 *
 * @param parameters of the requirement, including the resource token; only in the field
 */
export function challengeAnswer(
  requirement: Requirement,
  parameters?: Readonly<Record<string, string>>,
): Answer {
  const plain = challenges.get(requirement) as Answer
  if (parameters === undefined) return plain
  return {
    ...plain,
    headers: { ...plain.headers, 'AAuth-Requirement': requirementField(requirement, parameters) },
  }
}

/**
 * The challenge for an auth token when the person is not yet linked to a user of the application: the resource token
 * brings them to our page before anyone asks for consent.
 */
export function userChallenge(parameters: Readonly<Record<string, string>>): Answer {
  return {
    ...userNeeded,
    headers: { ...userNeeded.headers, 'AAuth-Requirement': requirementField('auth-token', parameters) },
  }
}

const userNeeded = freeze(
  problemAnswer({
    title: 'The person has to be connected to an account here first',
    status: 401,
    error: 'user_required',
    detail:
      'Take the resource-token of AAuth-Requirement to the server that it is for, as after every such answer. It sends the person to a page of this API, where they sign in and connect their account, and then asks for consent.',
  }),
)

type Requirement = 'agent-token' | 'person-token' | 'auth-token'

/** The challenge to an unsigned request, which also says how to sign (G-04). */
export function unsignedAnswer(requirement: Requirement, schemes: readonly string[]): Answer {
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

function makeUnsignedAnswer(requirement: Requirement, schemes: readonly string[]): Answer {
  const refusal = new Refusal('invalid_signature', {
    detail: `This API speaks AAuth (draft-hardt-oauth-aauth-protocol): a request is signed (RFC 9421) with the key of a token that it carries in Signature-Key. This one is not signed. Begin with the token that AAuth-Requirement names (${requirement}); /.well-known/aauth-resource.json describes this API.`,
    acceptScheme: schemes,
    ...(requirement === 'auth-token' ? {} : { requirement }),
  })
  return makeRefusalAnswer(refusal)
}

/** The answer to a refused request. Only signature failures have signature fields; a `403` never does. */
export function refusalAnswer(refusal: Refusal): Answer {
  const { code, details } = refusal
  const { requiredInput, acceptScheme, retryAfter, requirement } = details
  if ((requiredInput ?? acceptScheme) !== undefined) {
    const made = makeRefusalAnswer(refusal)
    return Object.isFrozen(refusal) ? freeze(made) : made
  }
  const name = `${code} ${requirement} ${retryAfter} ${details.detail}`
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

import { LRUCache } from 'lru-cache'
import { type ErrorCode, errorTable } from '../errors.js'
import type { Answer } from '../http/message.js'
import type { Answered, Outcome } from './outcome.js'

/** The address of the guide to errors, `docs/errors.md` of the repository. */
export const guideAddress = 'https://github.com/OWNER/countersign/blob/main/docs/errors.md'

/** Adds the member `help` to the problem bodies of a server's answers. */
export interface Help {
  answer(answer: Answer): Answer
  outcome(outcome: Outcome): Outcome
}

/** The sections of the guide that describe no error: requirements, and the introduction for unsigned requests. */
export const requirementSections: readonly string[] = [
  'agent-token',
  'person-token',
  'auth-token',
  'user_required',
]
export const unsignedSection = 'not-signed'

/**
 * Creates the {@link Help} of one server. Prebuilt answers, which strangers can cause without limit, are completed
 * once.
 *
 * @param guide the address of the guide, to which the section is added as fragment; `false`: nothing is added
 */
export function createHelp(guide: string | false): Help {
  if (guide === false) return { answer: (answer) => answer, outcome: (outcome) => outcome }
  const made = new WeakMap<Answer, Answer>()
  const outcomes = new WeakMap<Answered, Answered>()
  const bodies = new LRUCache<string, string>({
    maxSize: 262_144,
    // So there are at most 256, without allocating room for all of them at the start.
    sizeCalculation: (_, body) => Math.max(1024, body.length),
  })

  const complete = (answer: Answer): Answer => {
    const { body } = answer
    const key = answer.headers['AAuth-Requirement'] === undefined ? body : `+${body}`
    let helped = bodies.get(key)
    if (helped === undefined) {
      helped = `${body.slice(0, -1)},"help":${JSON.stringify(`${guide}#${sectionFor(answer)}`)}}`
      bodies.set(key, helped)
    }
    return { ...answer, body: helped }
  }

  const help: Help = {
    answer(answer) {
      if (answer.raw !== undefined || answer.headers['Content-Type'] !== 'application/problem+json')
        return answer
      if (!Object.isFrozen(answer)) return complete(answer)
      let known = made.get(answer)
      if (known === undefined) {
        known = Object.freeze(complete(answer))
        made.set(answer, known)
      }
      return known
    },
    outcome(outcome) {
      if (outcome.served) return outcome
      const known = outcomes.get(outcome)
      if (known !== undefined) return known
      const answer = help.answer(outcome.answer)
      const answered = answer === outcome.answer ? outcome : { ...outcome, answer }
      if (Object.isFrozen(outcome)) outcomes.set(outcome, Object.freeze(answered))
      return answered
    },
  }
  return help
}

/** The section of an answer with a problem body. */
function sectionFor({ headers, body }: Answer): string {
  const { error } = JSON.parse(body) as { readonly error: string }
  if (error === 'invalid_signature' && headers['AAuth-Requirement'] !== undefined) return unsignedSection
  // Policies explain their own codes; there is a section for being denied by a policy.
  return errorTable.has(error as ErrorCode) || requirementSections.includes(error) ? error : 'access_denied'
}

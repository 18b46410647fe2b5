import { refusalAnswer, requirementField } from '../answer/challenge.js'
import { refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import type { PendingRecord, Settlement } from './record.js'

/** Where things are and how often to ask. */
export interface DeferralPlaces {
  /** Absolute: agents in the field cannot follow a relative one. */
  pendingUrl(id: string): string
  interactionUrl(id: string): string
  readonly retryAfter: number
}

/** How far a pending request has come. */
export interface Progress {
  /** The person has arrived at the interaction page. */
  readonly interacting?: boolean
  /** For the agent's next poll; default what the options say. */
  readonly retryAfter?: number
  /** The resource token that goes with `requirement=auth-token`. */
  readonly resourceToken?: string
  /** Put to the agent's user instead (AAuth 7.5.1). */
  readonly question?: Question
}

/** A question to the agent's user. */
export interface Question {
  /** Markdown. */
  readonly clarification: string
  /** Seconds. */
  readonly timeout?: number
  readonly options?: readonly string[]
}

/** `202`: not yet (AAuth 11.8.2). */
export function waitingAnswer(
  record: PendingRecord,
  places: DeferralPlaces,
  progress: Progress = {},
): Answer {
  const field = requirementOf(record, places, progress)
  return {
    status: 202,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      Location: places.pendingUrl(record.id),
      'Retry-After': String(progress.retryAfter ?? places.retryAfter),
      ...(field === undefined ? {} : { 'AAuth-Requirement': field }),
    },
    body: JSON.stringify({
      status: progress.interacting === true ? 'interacting' : 'pending',
      ...progress.question,
    }),
  }
}

function requirementOf(
  record: PendingRecord,
  places: DeferralPlaces,
  progress: Progress,
): string | undefined {
  if (progress.question !== undefined) return requirementField('clarification')
  const { interaction, requirement } = record
  if (requirement === 'approval') return requirementField('approval')
  if (interaction !== undefined) {
    // Once it has been used the code is nobody's way in any more.
    return progress.interacting === true
      ? undefined
      : requirementField('interaction', {
          url: places.interactionUrl(interaction.id),
          code: displayCode(interaction.code),
        })
  }
  // A poll with an agent token alone gets no resource token (G-45), and the requirement has no meaning without one.
  const { resourceToken } = progress
  return resourceToken === undefined
    ? undefined
    : requirementField('auth-token', { 'resource-token': resourceToken })
}

/** Grouped for people who have to type it; the hyphen is no part of it. */
function displayCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** The last answer of a request that came to nothing (AAuth 11.9.4). None of them carries a signature field. */
export function endedAnswer(outcome: Exclude<Settlement['outcome'], 'approved'>): Answer {
  return refusalAnswer(refuse(outcome))
}

/** `410`: this request is over. */
export const goneAnswer: Answer = refusalAnswer(refuse('gone'))

/** `404`: for whoever did not start the request exactly what it is for a made-up id (G-39). */
export const notFoundAnswer: Answer = refusalAnswer(refuse('not_found'))

import { refusalAnswer, requirementField } from '../answer/challenge.js'
import { refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import type { PendingRecord, Settlement } from './record.js'

/** The URLs of a pending request, and how often to poll. */
export interface PendingUrls {
  /** Absolute, because some agents cannot follow a relative one. */
  pendingUrl(id: string): string
  /** Absolute. */
  interactionUrl(id: string): string
  /** Seconds between two polls. */
  readonly retryAfter: number
}

/** Details of a pending request in a `202`, besides its URL. */
export interface Progress {
  /** The person has arrived at the interaction page. */
  readonly interacting?: boolean
  /** Seconds until the agent's next poll. Default: {@link PendingUrls.retryAfter}. */
  readonly retryAfter?: number
  /** The resource token that goes with `requirement=auth-token`. */
  readonly resourceToken?: string
  /** A question to the agent's user, which takes the place of the requirement (AAuth 7.5.1). */
  readonly question?: Question | undefined
}

/** A question to the agent's user (AAuth 7.5.1). */
export interface Question {
  /** The question, in Markdown. */
  readonly clarification: string
  /** Seconds within which it must be answered. */
  readonly timeout?: number
  /** Answers to choose from. */
  readonly options?: readonly string[]
}

/** The `202` of a request that is still pending (AAuth 11.8.2). */
export function waitingAnswer(record: PendingRecord, urls: PendingUrls, progress: Progress = {}): Answer {
  const field = requirementOf(record, urls, progress)
  return {
    status: 202,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      Location: urls.pendingUrl(record.id),
      'Retry-After': String(progress.retryAfter ?? urls.retryAfter),
      ...(field === undefined ? {} : { 'AAuth-Requirement': field }),
    },
    body: JSON.stringify({
      status: progress.interacting === true ? 'interacting' : 'pending',
      ...progress.question,
    }),
  }
}

function requirementOf(record: PendingRecord, urls: PendingUrls, progress: Progress): string | undefined {
  if (progress.question !== undefined) return requirementField('clarification')
  const { interaction, requirement } = record
  if (requirement === 'approval') return requirementField('approval')
  if (interaction !== undefined) {
    // The code works once: after it has been used, nobody else may be sent to the page.
    return progress.interacting === true
      ? undefined
      : requirementField('interaction', {
          url: urls.interactionUrl(interaction.id),
          code: displayCode(interaction.code),
        })
  }
  // A poll with only an agent token gets no resource token (G-45), and the requirement means nothing without one.
  const { resourceToken } = progress
  return resourceToken === undefined
    ? undefined
    : requirementField('auth-token', { 'resource-token': resourceToken })
}

/** Grouped for people who must type it; the hyphen is not part of it. */
function displayCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** The last answer of a request that was not approved (AAuth 11.9.4). None carries a signature field. */
export function endedAnswer(outcome: Exclude<Settlement['outcome'], 'approved'>): Answer {
  return refusalAnswer(refuse(outcome))
}

/** `410`: the request has ended and its last answer has been given. */
export const goneAnswer: Answer = refusalAnswer(refuse('gone'))

/** `404`: what callers who did not start the request get, exactly as for an id that does not exist (G-39). */
export const notFoundAnswer: Answer = refusalAnswer(refuse('not_found'))

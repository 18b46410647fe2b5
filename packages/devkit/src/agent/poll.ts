import { readRequirement } from '../wire/answers.js'
import type { FetchSteps } from './steps.js'

/** Seconds between polls when a server names none (AAuth 11.8.3). */
const defaultInterval = 5

/**
 * Follows a `202` to its end (AAuth 11.8): opens the interaction if one is required, polls with signed GETs, and
 * resolves with the first answer that is not "wait".
 *
 * @param tokenFor the token for the next poll, given the response that asks for it
 */
export async function poll(
  steps: FetchSteps,
  first: Response,
  tokenFor: (response: Response) => Promise<string>,
): Promise<Response> {
  const url = pendingUrl(steps, first)
  const opened = new Set<string>()
  let response = first
  let interval = 0
  for (;;) {
    await interact(steps, response, opened)
    interval = response.status === 429 ? interval + defaultInterval : retryAfter(response)
    await steps.agent.env.wait(interval)
    const token = await tokenFor(response)
    response = await steps.send({ url, headers: { Prefer: 'wait=45' } }, { token })
    if (![202, 429, 503].includes(response.status)) return response
  }
}

function pendingUrl(steps: FetchSteps, response: Response): string {
  const location = response.headers.get('location')
  if (location === null) throw steps.gaveUp('bad_deferral', '202 without Location', response)
  const { strict } = steps.agent.env
  // -11 allows a relative reference, but a widely used agent cannot follow one.
  if (strict && !URL.canParse(location)) throw steps.gaveUp('bad_deferral', 'Location is relative', response)
  const url = new URL(location, response.url)
  if (url.origin !== new URL(response.url).origin) {
    throw steps.gaveUp('bad_deferral', 'Location is on another origin', response)
  }
  if (strict && !response.headers.has('retry-after')) {
    throw steps.gaveUp('bad_deferral', '202 without Retry-After', response)
  }
  if (strict && !/\bno-store\b/.test(response.headers.get('cache-control') ?? '')) {
    throw steps.gaveUp('bad_deferral', '202 without Cache-Control: no-store', response)
  }
  return url.href
}

async function interact(steps: FetchSteps, response: Response, opened: Set<string>): Promise<void> {
  const requirement = readRequirement(response)
  if (requirement?.name !== 'interaction') return
  const { url, code } = requirement.parameters
  if (url === undefined || code === undefined || !/^https:\/\/[^?#]+$/.test(url)) {
    throw steps.gaveUp('bad_challenge', 'an interaction needs an https url and a code', response)
  }
  if (opened.has(code)) return
  opened.add(code)
  try {
    await steps.agent.options.onInteraction?.({
      url,
      code,
      link: `${url}?code=${encodeURIComponent(code)}`,
    })
  } catch (error) {
    throw steps.gaveUp('interaction_failed', error instanceof Error ? error.message : String(error), response)
  }
}

function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? defaultInterval)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : defaultInterval
}

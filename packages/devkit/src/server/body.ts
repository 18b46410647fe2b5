import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { type Answer, problem } from '../wire/answers.js'
import type { Incoming } from '../wire/server.js'

/** The JSON object in a request's content. */
export function readJson(request: Incoming): JsonObject | Fault {
  if (!/^application\/json\b/.test(request.header('content-type') ?? '')) {
    return new Fault('invalid_request', 'the content is not application/json')
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(request.body).toString('utf8'))
    if (isObject(value)) return value
  } catch {
    // The same answer as for JSON that is no object.
  }
  return new Fault('invalid_request', 'the content is no JSON object')
}

/** A Fault as the problem body of 11.9.2. */
export function faultAnswer(fault: Fault): Answer {
  return problem(fault.status, fault.code, fault.detail)
}

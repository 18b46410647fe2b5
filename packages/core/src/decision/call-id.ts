import { hash } from 'node:crypto'
import { fieldValue, type HttpRequest } from '../http/message.js'

/**
 * The id of a signed request (`call_id`): SHA-256 of the value of its `Signature` field, in base64url. It joins its
 * events, the logs of its handler and the records of its agent. `undefined` without that field. It is unverified
 * input until the signature has been verified.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { callIdOf, fromNode } from '@countersign/core/adapter'
 *
 * createServer((message, response) => {
 *   console.log('call', callIdOf(fromNode(message)))
 *   response.end()
 * })
 * ```
 */
export function callIdOf({ rawHeaders }: Pick<HttpRequest, 'rawHeaders'>): string | undefined {
  const value = fieldValue(rawHeaders, 'signature')
  return value === undefined ? undefined : idOfSignature(value)
}

/** The id of a request with this value of `Signature`. */
export const idOfSignature = (value: string): string => hash('sha256', value, 'base64url')

import { hash } from 'node:crypto'
import { fieldValue, type HttpRequest } from './message.js'

/** The id of a call, as logs of agents and resources have it: base64url of the SHA-256 of its `Signature`; `undefined` without one. */
export function callId({ rawHeaders }: Pick<HttpRequest, 'rawHeaders'>): string | undefined {
  const signature = fieldValue(rawHeaders, 'signature')
  return signature === undefined ? undefined : hash('sha256', signature, 'base64url')
}

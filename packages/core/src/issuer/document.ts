import { parseJsonObject } from '../json.js'
import { Fault, faultOf } from './fault.js'
import { retryAfterSeconds, statedLifetime } from './lifetime.js'
import type { IssuerFetch, IssuerResponse } from './options.js'

/** A JSON document that was fetched. */
export interface FetchedDocument {
  readonly document: Record<string, unknown>
  /** The lifetime in seconds that the response stated, if any. */
  readonly lifetime: number | undefined
}

/** The bounds on a document. */
export interface DocumentBounds {
  readonly maxBytes: number
  /** Members and elements. */
  readonly maxMembers: number
}

/**
 * Fetches a JSON document. Never rejects. Whatever `fetch` is, a redirect, any status but 200, any content but a JSON
 * object, and content beyond the bounds are refused here. `signal` ends the wait even if the fetch ignores it.
 */
export async function fetchDocument(
  fetch: IssuerFetch,
  url: string,
  bounds: DocumentBounds,
  signal: AbortSignal,
  clock: () => number,
): Promise<FetchedDocument | Fault> {
  try {
    if (signal.aborted) throw signal.reason
    const response = await abortable(
      fetch(url, { method: 'GET', headers: { accept: 'application/json' }, redirect: 'manual', signal }),
      signal,
    )
    const refused = refuseResponse(response, bounds.maxBytes)
    if (refused !== undefined) {
      void response.body?.cancel().catch(() => {})
      return refused
    }
    return await readDocument(response, bounds, signal, clock)
  } catch (error) {
    return signal.aborted ? new Fault('unavailable', reasonOf(signal)) : faultOf(error)
  }
}

// A response without a content type is read as well: many servers send none for documents without an extension, or
// for any (G-74). Only a JSON object is accepted.
const readableType = /^(?:application\/(?:[a-z0-9.-]+\+)?json|text\/plain|)$/i

function refuseResponse(response: IssuerResponse, maxBytes: number): Fault | undefined {
  const { status, headers } = response
  if (response.redirected || status === 0)
    return new Fault('unusable', 'the answer is a redirect, which is not followed')
  if (status >= 500 || status === 429 || status === 408) {
    const seconds = retryAfterSeconds(headers.get('retry-after'))
    return new Fault('unavailable', `status ${status}`, seconds === undefined ? undefined : seconds * 1000)
  }
  if (status !== 200) return new Fault('unusable', `status ${status}`)
  const type = (headers.get('content-type') ?? '').split(';', 1)[0] as string
  if (!readableType.test(type.trim())) return new Fault('unusable', 'the content type is not one of JSON')
  const length = headers.get('content-length')
  if (length !== null && Number(length) > maxBytes)
    return new Fault('unusable', `longer than ${maxBytes} bytes`)
  return undefined
}

async function readDocument(
  response: IssuerResponse,
  { maxBytes, maxMembers }: DocumentBounds,
  signal: AbortSignal,
  clock: () => number,
): Promise<FetchedDocument | Fault> {
  const content = await readBytes(response, maxBytes, signal)
  if (content instanceof Fault) return content
  const document = parseUtf8(content, maxMembers)
  if (document === undefined)
    return new Fault('unusable', 'the content is no JSON object, or has too many or duplicate members')
  const lifetime = statedLifetime((name) => response.headers.get(name), clock())
  return { document, lifetime }
}

/** Reads the content of a response; a {@link Fault} when it is longer than `maxBytes`. */
export async function readBytes(
  response: IssuerResponse,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer | Fault> {
  const reader = response.body?.getReader()
  if (reader === undefined) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    while (true) {
      const { done, value } = await abortable(reader.read(), signal)
      if (done) return Buffer.concat(chunks)
      bytes += value?.length ?? 0
      if (bytes > maxBytes) return new Fault('unusable', `longer than ${maxBytes} bytes`)
      if (value !== undefined) chunks.push(value)
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}

function parseUtf8(content: Buffer, maxMembers: number): Record<string, unknown> | undefined {
  try {
    return parseJsonObject(new TextDecoder('utf-8', { fatal: true }).decode(content), maxMembers)
  } catch {
    return undefined
  }
}

/** Settles as `work` does, or rejects as soon as `signal` aborts, even if the work ignores it. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    // It may be aborted already, and would then call no listener.
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    // The operator's `fetch` may return a thenable that is no promise.
    void Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

function reasonOf(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : 'aborted'
}

import type { EndMarks, Origin, TokenCaller } from '../caller.js'

/** A request as received. Adapters build it from the raw request, never from a framework's processed values. */
export interface HttpRequest {
  /** The method, with its case unchanged. */
  readonly method: string
  /** The request target exactly as received: `/a/../b?x=%20`. */
  readonly target: string
  /** All field lines in order, alternating name and value, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[]
  /** Whether there is content, if `Content-Length` and `Transfer-Encoding` do not say (HTTP/2). */
  readonly hasContent?: boolean | undefined
  /**
   * Reads the content exactly as received, before any decoding; or says why it is not available within `limit` bytes.
   * Absent when the adapter cannot read it: a signature that covers `content-digest` is then refused.
   */
  readonly body?: (limit: number) => Promise<Uint8Array | ContentFault>
  /** Whether something before the guard has read the content, so that its bytes are gone. */
  readonly isConsumed?: () => boolean
  /**
   * Identifies the message when the adapter makes several requests from it. Default {@link rawHeaders}, for adapters
   * that make one.
   */
  readonly identity?: object
  /** The addresses of the connection, stored with a held call. Absent when they are unknown. */
  readonly peer?: () => PeerFacts
  /** Calls the listener when the client closes the connection. Absent when that is unknown. @returns stops listening */
  readonly onGone?: (listener: () => void) => () => void
  /** Set when this is a held call that is being carried out. Its caller was verified at the poll that started it. */
  readonly carried?: Carried | undefined
  /**
   * Set when Node's HTTP parser did not make this request (serverless platforms, `inject`), so that method, target
   * and fields may differ from what was received. It does not change any decision; it helps to explain signatures
   * that do not verify.
   */
  readonly foreign?: true | undefined
}

/**
 * Why the content of a request is not available. `too-large`: longer than the limit. `consumed`: something before the
 * guard has read it, and the bytes are gone. `aborted`: the client closed the connection. `overloaded`: the content
 * of all requests together takes too much memory.
 */
export type ContentFault = 'too-large' | 'consumed' | 'aborted' | 'overloaded'

/** A response as plain data, for adapters to write. */
export interface Answer {
  readonly status: number
  /** One value for each field. Names have their usual case. */
  readonly headers: Readonly<Record<string, string>>
  /** The content; an empty string for none. */
  readonly body: string
  /** The answer of a held call's handler, sent byte for byte instead of `headers` and `body`. */
  readonly raw?: Pick<RawAnswer, 'rawHeaders' | 'content'>
}

/** A problem details body (RFC 9457) with the member `error` that AAuth requires (11.9.2). */
export interface Problem {
  readonly error: string
  readonly status: number
  readonly title?: string
  readonly type?: string
  readonly detail?: string
}

/** An answer with a problem body. */
export function problemAnswer(problem: Problem, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status: problem.status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store', ...headers },
    body: JSON.stringify(problem),
  }
}

/** An answer with a JSON body. */
export function jsonAnswer(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(value),
  }
}

/** All values of a field in order of arrival. The name is in lower case. */
export function fieldLines(rawHeaders: readonly string[], name: string): string[] {
  const lines: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const field = rawHeaders[i] as string
    if (field.length === name.length && field.toLowerCase() === name) lines.push(rawHeaders[i + 1] as string)
  }
  return lines
}

/** Removes the optional whitespace around a field line, and nothing else (RFC 9421, 2.1; RFC 9110, 5.5). */
export function trimField(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isWhitespace(value.charCodeAt(start))) start++
  while (end > start && isWhitespace(value.charCodeAt(end - 1))) end--
  return start === 0 && end === value.length ? value : value.slice(start, end)
}

/** The combined value of a field (RFC 9421, 2.1): each line trimmed, joined with a comma and a space. */
export function fieldValue(rawHeaders: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const field = rawHeaders[i] as string
    if (field.length !== name.length || field.toLowerCase() !== name) continue
    const line = trimField(rawHeaders[i + 1] as string)
    value = value === undefined ? line : `${value}, ${line}`
  }
  return value
}

/** The combined values of several fields, found in one pass. The names are in lower case. */
export function fieldValues(
  rawHeaders: readonly string[],
  names: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (!names.has(name)) continue
    const before = values.get(name)
    const line = trimField(rawHeaders[i + 1] as string)
    values.set(name, before === undefined ? line : `${before}, ${line}`)
  }
  return values
}

/** Whether the message has content: RFC 9112, 6.3. */
export function hasBody({ rawHeaders, hasContent }: Pick<HttpRequest, 'rawHeaders' | 'hasContent'>): boolean {
  if (hasContent !== undefined) return hasContent
  if (fieldLines(rawHeaders, 'transfer-encoding').length > 0) return true
  return fieldLines(rawHeaders, 'content-length').some((line) => trimField(line) !== '0')
}

const isWhitespace = (code: number): boolean => code === 0x20 || code === 0x09

/** What comes with a held call when it is carried out, so that guards know its caller and its approvals. */
export interface Carried {
  /** The resource server that held the call. For any other server the call is an unsigned request. */
  readonly server: object
  /** The caller, verified at the poll that started the call. */
  readonly caller: TokenCaller
  /** The approvals that the call has. */
  readonly approvals: readonly GivenApproval[]
  /** The callers of all pending requests that the call has been. */
  readonly origins: readonly Origin[]
  /** How many pending requests the call has been. */
  readonly waited: number
  /** What the call keeps for the suppliers that its handler calls (`chaining/chain.ts`). */
  readonly chain?: unknown
  /** Called when the call is held again, with the id of the new pending request. */
  waitsAgain(id: string): void
  /**
   * Called by each guard that the call passes: with its answer if the guard cannot decide now (`503`), so that
   * nothing after it has run; otherwise with `undefined`.
   */
  unjudged(answer: Answer | undefined): void
}

/** What comes with a held call of this server; `undefined` for every other request. */
export function carriedFor({ carried }: HttpRequest, server: object): Carried | undefined {
  return carried?.server === server ? carried : undefined
}

/** A handler's answer as written, without the fields about the connection. */
export interface RawAnswer {
  readonly status: number
  /** Alternating name and value. */
  readonly rawHeaders: readonly string[]
  readonly content: Uint8Array
}

/** The path and query of a request. */
export interface RequestTarget {
  readonly method: string
  /**
   * As received: not decoded, not normalised, without the query. Routers match several spellings (`/Tobacco`,
   * `/%74obacco`), so decide by the route and its parameters, never by the beginning of this.
   */
  readonly path: string
  /** As received, without the `?`; empty if there is none. */
  readonly query: string
}

/** Splits the target of a request into path and query. */
export function splitTarget({ method, target }: Pick<HttpRequest, 'method' | 'target'>): RequestTarget {
  const question = target.indexOf('?')
  return question === -1
    ? { method, path: target, query: '' }
    : { method, path: target.slice(0, question), query: target.slice(question + 1) }
}

/** The addresses and the kind of a request's connection, with the names of Node's sockets. */
export interface PeerFacts {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly localFamily?: string | undefined
  /** Present for TLS. */
  readonly encrypted?: true | undefined
  /** The server name that the TLS client asked for. */
  readonly servername?: string | undefined
  readonly alpnProtocol?: string | undefined
}

/** What an approval is for. */
export interface ApprovalSubject {
  /** A name that the policy gave, or the policy's place in the request. */
  readonly name: string
  /** Which guard asked; absent if the policy gave the name. */
  readonly asker?: Asker
}

/** One guard of a server in one process. */
export interface Asker {
  readonly server: string
  /** The number of the guard. */
  readonly guard: number
  /** How many guards there were when it asked. */
  readonly of: number
}

/** One approval of a call. */
export interface GivenApproval {
  /** The subject that it was asked for under. */
  readonly subject: ApprovalSubject
  /** The user who gave it, by the application's own name, if one signed in. */
  readonly user?: string | undefined
  /** The marks of what had been ended when it was given. */
  readonly marks: EndMarks
}

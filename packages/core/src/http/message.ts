import type { EndMarks, Origin, TokenCaller } from '../caller.js'

/** A request as it was received. Adapters build it from the raw request, never from what a framework has made of it. */
export interface HttpRequest {
  /** The method, case kept. */
  readonly method: string
  /** The request target exactly as received: `/a/../b?x=%20`. */
  readonly target: string
  /** All field lines in order, alternating name and value, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[]
  /** Whether there is content, where `Content-Length` and `Transfer-Encoding` do not tell (HTTP/2). */
  readonly hasContent?: boolean | undefined
  /**
   * Reads the content exactly as received, before any decoding; otherwise why it cannot be had within `limit` bytes.
   * Absent when the adapter cannot give it: a signature that covers `content-digest` is then refused.
   */
  readonly body?: (limit: number) => Promise<Uint8Array | ContentFault>
  /** Whether something before the guard has read the content and left its bytes nowhere. */
  readonly isConsumed?: () => boolean
  /** What the adapter makes this of, however often it does; default {@link rawHeaders}, where it does so once. */
  readonly identity?: object
  /** The addresses of the connection, stored with a held call. Absent when the adapter cannot tell. */
  readonly peer?: () => PeerFacts
  /** Calls the listener when the client closes the connection. Absent when the adapter cannot tell. @returns stops listening */
  readonly onGone?: (listener: () => void) => () => void
  /** Set when this is a held call that is being carried out. Its caller was verified on the poll that began this. */
  readonly carried?: Carried | undefined
  /**
   * Set when Node's HTTP parser has not made this request (serverless platforms, `inject`), so that method, target and
   * fields may not be what was received. It changes no verdict; it helps to explain a signature that does not verify.
   */
  readonly foreign?: true | undefined
}

/**
 * Why the content of a request cannot be had. `too-large`: longer than the limit. `consumed`: something before the guard has
 * read it, so the bytes are gone. `aborted`: the client closed the connection. `overloaded`: the content of all requests
 * together takes too much memory.
 */
export type ContentFault = 'too-large' | 'consumed' | 'aborted' | 'overloaded'

/** A response as plain data, for adapters to write. */
export interface Answer {
  readonly status: number
  /** One value for each field; the names are in their usual case. */
  readonly headers: Readonly<Record<string, string>>
  /** The content; an empty string is none. */
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

/** All values of a field in order of arrival; the name is given in lower case. */
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

/** The combined values of several fields, found in one pass; the names are given in lower case. */
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

/** What accompanies a held call when it is carried out, so that the guard knows its caller and its approvals. */
export interface Carried {
  /** Identifies the resource server that held the call. For any other the call is a request without a signature. */
  readonly server: object
  /** The caller, verified on the poll that began to carry the call out. */
  readonly caller: TokenCaller
  /** The approvals that the call has been given. */
  readonly approvals: readonly GivenApproval[]
  /** The callers of all pending requests that the call has waited in. */
  readonly origins: readonly Origin[]
  /** In how many pending requests it has waited. */
  readonly waited: number
  /** What the call takes along for the suppliers that its handler calls (`chaining/chain.ts`). */
  readonly chain?: unknown
  /** Called when the call has to wait once more, with the id of the new pending request. */
  waitsAgain(id: string): void
  /**
   * Called by each guard that the call comes to: with its answer where it cannot judge the call for now (`503`), so that
   * nothing behind it has begun, and with `undefined` otherwise.
   */
  unjudged(answer: Answer | undefined): void
}

/** What accompanies a held call of this server; `undefined` for every other request. */
export function carriedFor({ carried }: HttpRequest, server: object): Carried | undefined {
  return carried?.server === server ? carried : undefined
}

/** A handler's answer as it was written, without the fields that concern the connection. */
export interface RawAnswer {
  readonly status: number
  /** Alternating name and value. */
  readonly rawHeaders: readonly string[]
  readonly content: Uint8Array
}

/** The first line of a request. */
export interface RequestTarget {
  readonly method: string
  /**
   * As received: not decoded, not normalised, without the query. Routers match more than one spelling (`/Tobacco`,
   * `/%74obacco`), so decide by the route and its parameters, never by what this begins with.
   */
  readonly path: string
  /** As received, without the `?`; empty when there is none. */
  readonly query: string
}

/** Splits the target of a request into path and query. */
export function splitTarget({ method, target }: Pick<HttpRequest, 'method' | 'target'>): RequestTarget {
  const question = target.indexOf('?')
  return question === -1
    ? { method, path: target, query: '' }
    : { method, path: target.slice(0, question), query: target.slice(question + 1) }
}

/** The addresses and the kind of a request's connection, under the names of Node's sockets. */
export interface PeerFacts {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly localFamily?: string | undefined
  /** Present when it was TLS. */
  readonly encrypted?: true | undefined
  /** The server name that the TLS client asked for. */
  readonly servername?: string | undefined
  readonly alpnProtocol?: string | undefined
}

/** What an approval is asked for under. */
export interface ApprovalSubject {
  /** A name that the policy gave, or its place in the request. */
  readonly name: string
  /** Which guard asked; absent where the policy gave the name. */
  readonly asker?: Asker
}

/** One guard among those of a server in one process. */
export interface Asker {
  readonly server: string
  /** Which of them. */
  readonly guard: number
  /** How many there were when it asked. */
  readonly of: number
}

/** One approval that a call has been given. */
export interface GivenApproval {
  /** The subject that it was asked for under. */
  readonly subject: ApprovalSubject
  /** The application's own name of the person who gave it, where a person signed in. */
  readonly user?: string | undefined
  /** What had been ended when it was given. */
  readonly marks: EndMarks
}

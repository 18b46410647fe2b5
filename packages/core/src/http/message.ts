import type { EndMarks, Origin, TokenCaller } from '../caller.js'

/**
 * A request as it came over the wire. Adapters build it from the raw request, never from the framework's idea of it.
 */
export interface HttpRequest {
  /** The method, case kept. */
  readonly method: string
  /** The request target exactly as received: `/a/../b?x=%20`. */
  readonly target: string
  /** All field lines in order, alternating name and value, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[]
  /** Whether there is content, where that is not for `Content-Length` and `Transfer-Encoding` to say (HTTP/2). */
  readonly hasContent?: boolean | undefined
  /**
   * The content exactly as received (before any decoding), or why it cannot be had within `limit` bytes. Absent when
   * the adapter cannot give it; a covered `content-digest` is then refused rather than believed.
   */
  readonly body?: (limit: number) => Promise<Uint8Array | ContentFault>
  /** Whether somebody has read the content before us and the bytes are nowhere to be found. */
  readonly isConsumed?: () => boolean
  /** What the connection says of its ends; kept with a call that has to wait. Absent when the adapter cannot tell. */
  readonly peer?: () => PeerFacts
  /** Set when this is a held call on its way to its handler: who it is for was verified by the poll that set it going. */
  readonly carried?: Carried | undefined
  /**
   * Set when no HTTP parser of Node's has made this request (serverless platforms, `inject`): method, target and fields
   * are what somebody made of them. It changes no verdict; it is told beside a signature that does not verify.
   */
  readonly foreign?: true | undefined
}

/**
 * Why the content of a request cannot be had. `too-large`: longer than the limit. `consumed`: somebody read it before
 * us, so what was on the wire is gone. `aborted`: the client went away. `no-room`: all requests together hold too much.
 */
export type ContentFault = 'too-large' | 'consumed' | 'aborted' | 'no-room'

/** A response as plain data; every adapter writes it the same way. */
export interface Answer {
  readonly status: number
  /** One value a field; the names are in their usual case. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty string: no content. */
  readonly body: string
  /** A handler's own answer, given back byte for byte instead of `headers` and `body`. */
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
  const lines = fieldLines(rawHeaders, name)
  return lines.length === 0 ? undefined : lines.map(trimField).join(', ')
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

/** What a held call brings with it when it is sent through the application again. */
export interface Carried {
  /** Stands for the server that put the call aside. To any other server the call is one without a signature. */
  readonly server: object
  /** Verified on the poll that set the call going. */
  readonly caller: TokenCaller
  /** What has been approved for this call. */
  readonly approvals: readonly GivenApproval[]
  /** Everybody the call was begun for, in every request that it has waited in. */
  readonly origins: readonly Origin[]
  /** In how many requests it has waited. */
  readonly waited: number
  /** Told when the call has to wait once more: its new pending id. */
  waitsAgain(id: string): void
}

/** What a held call brings with it for the server that put it aside; to any other it brings nothing. */
export function carriedFor({ carried }: HttpRequest, server: object): Carried | undefined {
  return carried?.server === server ? carried : undefined
}

/** What a handler answered: as it was written, without what concerns the connection. */
export interface RawAnswer {
  readonly status: number
  /** Alternating name and value. */
  readonly rawHeaders: readonly string[]
  readonly content: Uint8Array
}

/** What a request says in its first line. */
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

/** Splits a target as a policy wants it. */
export function splitTarget({ method, target }: Pick<HttpRequest, 'method' | 'target'>): RequestTarget {
  const question = target.indexOf('?')
  return question === -1
    ? { method, path: target, query: '' }
    : { method, path: target.slice(0, question), query: target.slice(question + 1) }
}

/** Where a call came from and by what kind of connection, under the names that Node's sockets have for it. */
export interface PeerFacts {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly remoteFamily?: string
  readonly localAddress?: string
  readonly localPort?: number
  readonly localFamily?: string
  /** Whether it was TLS. */
  readonly encrypted?: true
  /** The name that a TLS client asked for. */
  readonly servername?: string
  readonly alpnProtocol?: string
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
  /** What it was asked for under. */
  readonly subject: ApprovalSubject
  /** The application's own name of whoever gave it, where one signed in. */
  readonly user?: string
  /** What had been ended when it was given. */
  readonly marks: EndMarks
}

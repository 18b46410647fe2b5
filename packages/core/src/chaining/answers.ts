import { hash } from 'node:crypto'
import type { ChainAnswer } from './chain.js'
import { SupplierFault } from './suppliers.js'

// Methods that change nothing (RFC 9110, 9.2.1): these calls are simply repeated.
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'QUERY'])
const withoutContent: ReadonlySet<number> = new Set([204, 205, 304])

/** Identifies a call to a supplier. */
export function printOf({ method, url }: Request, content: Uint8Array): string {
  return hash('sha256', `${method} ${url}\n${hash('sha256', content, 'base64url')}`, 'base64url')
}

/**
 * The suppliers' answers during one run of a handler. When the handler runs again, the same calls get the same
 * answers, so that no call is made twice.
 */
export class SupplierAnswers {
  readonly #most: number
  /** Those of the previous run that have not been asked for again. */
  readonly #before: ChainAnswer[]
  readonly #all: ChainAnswer[] = []
  /** Calls of the previous run that must be repeated. */
  readonly #again: ReadonlySet<string>
  #bytes = 0
  #isWhole = true

  /**
   * @param most bytes that are kept
   * @param again identifies the calls of the previous run that were not carried out
   */
  constructor(before: readonly ChainAnswer[], most: number, again: readonly string[] = []) {
    this.#before = [...before]
    this.#again = new Set(again)
    this.#most = most
    for (const answer of before) this.#add(answer)
  }

  /** All answers; `undefined` when they are too long to be kept, so the call cannot be repeated. */
  get all(): readonly ChainAnswer[] | undefined {
    return this.#isWhole ? this.#all : undefined
  }

  /** The answer that the call got in the previous run, or why there was none. */
  take(print: string): Response | SupplierFault | undefined {
    const at = this.#before.findIndex((answer) => answer.print === print)
    const [found] = at === -1 ? [] : this.#before.splice(at, 1)
    if (found?.fault !== undefined) return new SupplierFault(found.fault, 'as before the call had to wait')
    return found === undefined ? undefined : toResponse(found)
  }

  /**
   * Whether this call changes something and differs from the one that the previous run made in its place. The handler
   * then does something else, and it is unknown what has been done already.
   */
  strays(print: string, method: string): boolean {
    return !safe.has(method) && this.#before.length > 0 && !this.#again.has(print)
  }

  /**
   * Keeps the answer to a call that may have changed something. @returns the answer, with its content still to be
   * read
   */
  async keep(print: string, method: string, response: Response): Promise<Response> {
    if (safe.has(method)) return response
    const content = await readWithin(response, this.#most - this.#bytes)
    if (content instanceof Response) {
      this.#isWhole = false
      return content
    }
    const answer = answerOf(print, response, content)
    this.#add(answer)
    return toResponse(answer)
  }

  /** Records that a call that may have changed something had no known result. */
  fail(print: string, method: string, { code }: SupplierFault): void {
    if (!safe.has(method)) this.#add({ print, status: 0, headers: [], content: '', fault: code })
  }

  #add(answer: ChainAnswer): void {
    this.#all.push(answer)
    this.#bytes += answer.content.length
  }
}

/** An answer in stored form. */
export function answerOf(print: string, response: Response, content: Uint8Array): ChainAnswer {
  return {
    print,
    status: response.status,
    headers: [...response.headers],
    content: Buffer.from(content).toString('base64'),
  }
}

/** The content of a response if it has at most `most` bytes; otherwise a response with all of it as a stream. */
export async function readWithin(response: Response, most: number): Promise<Uint8Array | Response> {
  if (response.body === null) return new Uint8Array(0)
  const reader = response.body.getReader()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
    bytes += value.length
    if (bytes > most) break
  }
  const rest = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = chunks.shift()
      const { done, value } = chunk === undefined ? await reader.read() : { done: false, value: chunk }
      if (done) controller.close()
      else controller.enqueue(value as Uint8Array)
    },
    cancel: (reason) => reader.cancel(reason),
  })
  const { status, statusText, headers } = response
  return new Response(rest, { status, statusText, headers })
}

function toResponse({ status, headers, content }: ChainAnswer): Response {
  const body = withoutContent.has(status) ? null : Buffer.from(content, 'base64')
  return new Response(body, { status, headers: headers.map(([name, value]) => [name, value]) })
}

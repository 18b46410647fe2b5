import { hash } from 'node:crypto'
import type { ChainAnswer } from './chain.js'
import { SupplierFault } from './suppliers.js'

// Methods after which nothing is different (RFC 9110, 9.2.1): they are simply called again.
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'QUERY'])
const withoutContent: ReadonlySet<number> = new Set([204, 205, 304])

/** Names a call to a supplier. */
export function printOf({ method, url }: Request, content: Uint8Array): string {
  return hash('sha256', `${method} ${url}\n${hash('sha256', content, 'base64url')}`, 'base64url')
}

/**
 * The answers that suppliers have given to one run of a handler. When it runs again, it is given the same answers to the
 * same calls, so that none of them is made twice.
 */
export class SupplierAnswers {
  readonly #most: number
  /** Those of the run before that have not been asked for again. */
  readonly #before: ChainAnswer[]
  readonly #all: ChainAnswer[] = []
  /** Calls of the run before that have to be made again. */
  readonly #again: ReadonlySet<string>
  #bytes = 0
  #isWhole = true

  /**
   * @param most bytes that are kept
   * @param again names the calls of the run before that were not carried out
   */
  constructor(before: readonly ChainAnswer[], most: number, again: readonly string[] = []) {
    this.#before = [...before]
    this.#again = new Set(again)
    this.#most = most
    for (const answer of before) this.#add(answer)
  }

  /** All of them; `undefined` when they are too long to be kept, and the call cannot be made again. */
  get all(): readonly ChainAnswer[] | undefined {
    return this.#isWhole ? this.#all : undefined
  }

  /** The answer that the call was given before, or why there was none. */
  take(print: string): Response | SupplierFault | undefined {
    const at = this.#before.findIndex((answer) => answer.print === print)
    const [found] = at === -1 ? [] : this.#before.splice(at, 1)
    if (found?.fault !== undefined) return new SupplierFault(found.fault, 'as before the call had to wait')
    return found === undefined ? undefined : toResponse(found)
  }

  /**
   * Whether this call changes something and is another than the run before has made in its place: the handler does not do
   * the same thing twice, so nobody knows what has been done already.
   */
  strays(print: string, method: string): boolean {
    return !safe.has(method) && this.#before.length > 0 && !this.#again.has(print)
  }

  /** Keeps the answer to a call that may have changed something. @returns the answer, to be read as if nobody had */
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

  /** Keeps that a call that may have changed something came to nothing that is known. */
  fail(print: string, method: string, { code }: SupplierFault): void {
    if (!safe.has(method)) this.#add({ print, status: 0, headers: [], content: '', fault: code })
  }

  #add(answer: ChainAnswer): void {
    this.#all.push(answer)
    this.#bytes += answer.content.length
  }
}

/** An answer as it is kept. */
export function answerOf(print: string, response: Response, content: Uint8Array): ChainAnswer {
  return {
    print,
    status: response.status,
    headers: [...response.headers],
    content: Buffer.from(content).toString('base64'),
  }
}

/** The content of a response within so many bytes; a response with all of it, as a stream, when it is longer. */
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

import { AgentError } from './error.js'

/** Rejects as soon as `signal` aborts, even if the work ignores it. */
export function abortable<T>(work: T | PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    void Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Reads a stream to its end; `undefined` as soon as it is longer than `most` bytes. */
async function readBytes(
  stream: ReadableStream<Uint8Array> | null,
  most: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const reader = stream?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal)
      if (done) return new Uint8Array(Buffer.concat(chunks))
      bytes += value.length
      if (bytes > most) return undefined
      chunks.push(value)
    }
  } finally {
    void reader.cancel().catch(() => {})
  }
}

/** The content of a request, in memory because its digest is signed; `undefined` when it has none. */
export async function readContent(
  request: Request,
  most: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (request.body === null) return undefined
  const content = await readBytes(request.body, most, signal)
  if (content !== undefined) return content
  throw new AgentError('content_too_large', `the request has more content than limits.requestBytes, ${most}`)
}

/** Reads a JSON object from a response; `undefined` when the content is anything else, or longer than `most` bytes. */
export async function readJson(
  response: Response,
  most: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (!isJson(response)) {
    discard(response)
    return undefined
  }
  const content = await readBytes(response.body, most, signal)
  return content === undefined ? undefined : parseObject(content)
}

/** Like {@link readJson}, for a response that is passed on: its content can still be read afterwards. */
export async function peekJson(
  response: Response,
  most: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return isJson(response) ? readJson(response.clone(), most, signal) : undefined
}

/** Cancels the content of a response that is not read, so that its connection is free again. */
export function discard(response: Response): void {
  void response.body?.cancel().catch(() => {})
}

function isJson(response: Response): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')
}

function parseObject(content: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined
  } catch {
    return undefined
  }
}

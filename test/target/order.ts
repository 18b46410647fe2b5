import { Reply, type TargetRoute } from './routes.js'

/** The most bytes of a supplier's answer that are read. */
const longest = 262_144

/** `POST /order`: buys from a supplier in the caller's name. */
export function orderRoute(supplier: string): TargetRoute {
  return {
    method: 'POST',
    path: '/order',
    requirement: { scope: 'data.write', onward: true },
    async answer({ body, onward }) {
      if (parse(body) === undefined)
        return problem(400, 'invalid_request', { detail: 'The order has to be JSON' })
      const response = await onward()(`${supplier}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(body),
      })
      const { status } = response
      if (!response.ok) {
        await response.body?.cancel()
        return problem(502, 'supplier_refused', { supplier: { status } })
      }
      const content = await read(response)
      const answer = content === undefined ? undefined : parse(content)
      return answer === undefined ? problem(502, 'supplier_failed') : { supplier: { status, body: answer } }
    },
  }
}

function problem(status: number, error: string, more: object = {}): Reply {
  return new Reply(status, { title: 'The order was not placed', status, error, ...more })
}

function parse(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

/** `undefined` when it is too long, or breaks off. */
async function read({ body }: Response): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > longest) return undefined
    }
    return Buffer.concat(chunks)
  } catch {
    return undefined
  }
}

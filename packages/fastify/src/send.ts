import { type Answer, readOn, writeAnswer } from '@countersign/core/adapter'
import type { FastifyReply } from 'fastify'

/**
 * Sends an answer unchanged. Without a serializer Fastify would add a charset to JSON types, which RFC 9457 does not have;
 * sent as bytes, the content would need a packet of its own.
 */
export function send(answer: Answer, reply: FastifyReply): FastifyReply {
  readOn(reply.request.raw, reply.raw)
  if (answer.raw !== undefined) {
    reply.hijack()
    writeAnswer(answer, reply.raw)
    return reply
  }
  reply.code(answer.status).headers(fieldsOf(answer))
  return answer.body === '' ? reply.send() : reply.serializer(asIs).send(answer.body)
}

const asIs = (body: string): string => body

// Fastify makes each name lower case, and V8 has to intern the new text each time. For answers that strangers can cause without
// end, which are frozen, that is done once.
const lowered = new WeakMap<Answer, Answer['headers']>()

function fieldsOf(answer: Answer): Answer['headers'] {
  const known = lowered.get(answer)
  if (known !== undefined) return known
  if (!Object.isFrozen(answer)) return answer.headers
  const fields = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  lowered.set(answer, fields)
  return fields
}

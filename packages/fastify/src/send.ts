import { type Answer, readOn, writeAnswer } from '@countersign/core/adapter'
import type { FastifyReply } from 'fastify'

/**
 * Sends an answer of ours as it is. To text of a JSON type Fastify adds a charset that RFC 9457 does not have, unless it
 * has a serializer; bytes would need a packet of their own.
 */
export function send(answer: Answer, reply: FastifyReply): FastifyReply {
  readOn(reply.request.raw, reply.raw)
  if (answer.raw !== undefined) {
    reply.hijack()
    writeAnswer(answer, reply.raw)
    return reply
  }
  reply.code(answer.status).headers(answer.headers)
  return answer.body === '' ? reply.send() : reply.serializer(asIs).send(answer.body)
}

const asIs = (body: string): string => body

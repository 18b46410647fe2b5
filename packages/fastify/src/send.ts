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
  reply.code(answer.status).headers(answer.headers)
  return answer.body === '' ? reply.send() : reply.serializer(asIs).send(answer.body)
}

const asIs = (body: string): string => body

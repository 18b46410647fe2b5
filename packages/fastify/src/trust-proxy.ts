import type { FastifyRequest } from 'fastify'

/**
 * Whether the option `trustProxy` is `true`. Fastify does not expose it, so it is asked for the host of a made-up
 * request from an unassigned address (RFC 5737).
 */
export function trustsEveryProxy(request: FastifyRequest): boolean {
  const host = 'forwarded.invalid'
  const raw = { headers: { 'x-forwarded-host': host }, socket: { remoteAddress: '203.0.113.1' } }
  const probe = Object.create(request, {
    raw: { value: raw },
    headers: { value: raw.headers },
  }) as FastifyRequest
  return probe.host === host
}

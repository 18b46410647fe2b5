import type { FastifyRequest } from 'fastify'

/**
 * Whether the option `trustProxy` is `true`. Fastify does not tell, so it is given a request from an address that nobody
 * has (RFC 5737), and asked for its host.
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

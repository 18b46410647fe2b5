// An application that is report-only throughout says so to the types, in the words of the guide.
import type { Caller } from '@countersign/fastify'
import type { FastifyInstance } from 'fastify'

declare module '@countersign/fastify' {
  interface AAuthTypes {
    observe: true
  }
}

export function routes(app: FastifyInstance): void {
  app.get('/', { config: { aauth: 'person' } }, async (request) => {
    const caller: Caller | null = request.aauth
    // @ts-expect-error: nobody has to be there
    const { sub } = request.aauth.person
    return { caller: caller?.kind, sub }
  })
}

import type { FastifyInstance } from 'fastify'

/** The outermost instance. An encapsulated one has the one around it for its prototype. */
export function rootOf(app: FastifyInstance): FastifyInstance {
  const outer = Object.getPrototypeOf(app) as Partial<FastifyInstance>
  return outer.addHook === undefined ? app : rootOf(outer as FastifyInstance)
}

import type { FastifyInstance } from 'fastify'

/** The outermost instance. The prototype of an encapsulated instance is the enclosing one. */
export function rootOf(app: FastifyInstance): FastifyInstance {
  const outer = Object.getPrototypeOf(app) as Partial<FastifyInstance>
  return outer.addHook === undefined ? app : rootOf(outer as FastifyInstance)
}

import type { Caller, CallerOf, Requirement, ResourceServer } from '@countersign/core'

/** The caller a handler sees: what its route's `config.aauth` lets through; without one, anybody or nobody. */
export type CallerIn<Request> = Request extends { readonly routeOptions: { readonly config: infer Config } }
  ? Config extends { readonly aauth: infer R }
    ? [R] extends [Requirement]
      ? CallerOf<R>
      : Caller | null
    : Caller | null
  : Caller | null

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route requires of its callers. `false` says that it is open, which is the default. */
    aauth?: Requirement | false
  }
  interface FastifyRequest {
    /** Who is calling. On a route with `config.aauth` it is what the requirement lets through; elsewhere `null`. */
    aauth: CallerIn<this>
  }
  interface FastifyInstance {
    /** The resource server behind the plugin, for revocations and issuers. */
    aauth: ResourceServer
  }
}

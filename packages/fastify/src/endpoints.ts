import { type Answer, fromNode, nodeHost, wholeApplication } from '@countersign/core/adapter'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { rootOf } from './root.js'
import { send } from './send.js'

/** Which requests our endpoints answer. */
export interface EndpointOptions {
  /**
   * Fastify's own route constraints, for example `{ host: 'notes.example' }`. Default: none for the first resource of
   * an application, `host` for every further one.
   */
  readonly constraints?: Readonly<Record<string, unknown>>
}

// Which resources have a path already, without constraints that somebody gave.
const taken = new WeakMap<FastifyInstance, Map<string, string>>()

/**
 * Adds our own endpoints. They are answered in `onRequest`, before Fastify judges the content type of what was sent.
 *
 * @param logs whether refusals go to the log of their request
 * @throws TypeError where their paths would not be those of the metadata
 */
export function addEndpoints(app: FastifyInstance, { constraints }: EndpointOptions, logs: boolean): void {
  if (app.prefix !== '') {
    throw new TypeError(
      'option endpoints: well-known paths cannot move under a prefix; register the plugin at the root',
    )
  }
  const root = rootOf(app)
  const owners = taken.get(root) ?? new Map<string, string>()
  taken.set(root, owners)
  const { aauth: guard } = app
  for (const { path, prefix } of guard.endpoints) {
    const url = prefix === true ? `${path}*` : path
    const owner = constraints === undefined ? owners.get(url) : undefined
    if (owner === guard.resource)
      throw new TypeError(
        `option endpoints: ${guard.resource} has them already; say endpoints: false where it is registered again`,
      )
    if (constraints === undefined && owner === undefined) owners.set(url, guard.resource)
    app.route({
      method: app.supportedMethods,
      url,
      exposeHeadRoute: false,
      config: { aauth: false },
      // They are described by the metadata, not by the application's documentation.
      schema: { hide: true } as FastifySchema,
      constraints: constraints ?? (owner === undefined ? {} : { host: hostOf(guard.resource) }),
      onRequest: async (request, reply) => {
        const { raw } = request
        const listener = wholeApplication(raw, (message, response) => app.routing(message, response))
        const answer = await guard.handle(fromNode(raw, request.originalUrl), {
          ...nodeHost(listener, raw, request),
          id: String(request.id),
          ...(logs ? { log: request.log } : {}),
        })
        return send(answer ?? notFound, reply)
      },
      handler: answered,
    })
  }
}

/** The handler of our endpoints, by which they are recognised. Never reached: they are answered in `onRequest`. */
export const answered = (): undefined => undefined

/** The host of a resource, with any port: the one that clients see is often not the one that we listen on. */
function hostOf(resource: string): RegExp {
  const host = resource.slice('https://'.length)
  return new RegExp(`^${host.replaceAll('.', '\\.')}\\.?(?::\\d+)?$`, 'i')
}

// What a router with laxer ideas of paths lets through to a prefix of ours.
const notFound: Answer = { status: 404, headers: {}, body: '' }

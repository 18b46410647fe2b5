import type { IncomingMessage, RequestListener, Server } from 'node:http'

/**
 * The whole application behind a request: all listeners of the HTTP server that received it. A framework does not
 * know it when another application calls its own as a function.
 *
 * @param known the application as the framework knows it, for requests without a server (serverless platforms, tests)
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { nodeHost, wholeApplication } from '@countersign/core/adapter'
 *
 * createServer((message, response) => {
 *   const host = nodeHost(wholeApplication(message), message)
 *   response.end(host.dispatch === undefined ? 'no call can be held' : 'calls can be held')
 * })
 * ```
 */
export function wholeApplication(
  message: IncomingMessage,
  known?: RequestListener,
): RequestListener | undefined {
  const { server } = (message.socket ?? {}) as { readonly server?: Server }
  if (typeof server?.emit !== 'function' || server.listenerCount('request') === 0) return known
  const listener =
    listeners.get(server) ?? ((request, response) => void server.emit('request', request, response))
  listeners.set(server, listener)
  return listener
}

const listeners = new WeakMap<Server, RequestListener>()

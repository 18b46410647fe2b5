import { AsyncLocalStorage } from 'node:async_hooks'
import type { TracingChannel } from 'node:diagnostics_channel'
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { DecisionEvent } from '../events.js'
import { issuerFetches, requests, storeCalls } from '../tracing/channels.js'
import { knownMethod } from './known.js'
import { safely, warn } from './safely.js'

/** What becomes a span. @typeParam M the message of its channel */
interface SpanKindOf<M> {
  readonly channel: TracingChannel<unknown, object>
  readonly name: (message: M) => string
  readonly kind: SpanKind
  readonly end: (span: Span, message: M) => void
}

type Message = { readonly [spanOf]?: Span; readonly error?: unknown; readonly result?: unknown }

const spanOf = Symbol('span')

/** Makes spans of requests, fetches and store calls. @returns a function that stops it */
export function traceWith(tracer: Tracer): () => void {
  // Our own, because that of the SDK can only be entered around a function: within a request, spans are children of
  // its span.
  const within = new AsyncLocalStorage<Around>()
  const stops = [
    follow(requestSpan, tracer, within),
    follow(fetchSpan, tracer, within),
    follow(storeSpan, tracer, within),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** The enclosing span. Most requests wait for nothing, and have no spans within theirs. */
class Around {
  readonly #parent: Context
  readonly #span: Span
  #context: Context | undefined

  constructor(parent: Context, span: Span) {
    this.#parent = parent
    this.#span = span
  }

  get context(): Context {
    this.#context ??= trace.setSpan(this.#parent, this.#span)
    return this.#context
  }
}

function follow<M>(
  { channel, name, kind, end }: SpanKindOf<M>,
  tracer: Tracer,
  within: AsyncLocalStorage<Around>,
): () => void {
  const begin = (message: unknown): Around | undefined => {
    const around = within.getStore()
    try {
      const parent = around === undefined ? context.active() : around.context
      const span = tracer.startSpan(name(message as M), { kind }, parent)
      ;(message as { [spanOf]?: Span })[spanOf] = span
      return new Around(parent, span)
    } catch (cause) {
      warn(cause)
      return around
    }
  }
  const conclude = safely((message: Message): void => {
    const span = message[spanOf]
    if (span === undefined) return
    if (span.isRecording()) {
      end(span, message as M)
      if (message.error !== undefined) fail(span, nameOf(message.error))
    }
    span.end()
  })
  const listeners = {
    // Without a result it is still running, and ends later.
    end: (message: object) => {
      if ('result' in message || 'error' in message) conclude(message)
    },
    asyncEnd: (message: object) => conclude(message),
  }
  channel.start.bindStore(within, begin as never)
  channel.subscribe(listeners as never)
  return () => {
    channel.start.unbindStore(within)
    channel.unsubscribe(listeners as never)
  }
}

const requestSpan: SpanKindOf<{ readonly event?: DecisionEvent }> = {
  channel: requests as TracingChannel<unknown, object>,
  name: () => 'aauth decide',
  kind: SpanKind.INTERNAL,
  end(span, { event }) {
    if (event === undefined) return
    span.setAttributes(attributesOf(event))
    // As usual for HTTP servers: a mistake of the caller is no error of this span.
    if (event.family === 'ours') fail(span, event.code ?? 'server_error')
    else if (event.code !== undefined && isRefusal(event)) span.setAttribute('error.type', event.code)
  },
}

const isRefusal = ({ outcome }: DecisionEvent): boolean => outcome === 'refused' || outcome === 'denied'

function attributesOf(event: DecisionEvent): Attributes {
  const { id, route, code, family, status, agent, parentAgent, provider, ps, person, account, user } = event
  return {
    'aauth.resource': event.resource,
    'aauth.outcome': event.outcome,
    'aauth.caller': event.caller,
    'http.request.method': knownMethod(event.method),
    'aauth.call_id': id,
    'http.route': route,
    'aauth.code': code,
    'aauth.family': family,
    'aauth.status': status,
    'aauth.agent': agent,
    'aauth.parent_agent': parentAgent,
    'aauth.provider': provider,
    'aauth.ps': ps,
    'aauth.person': person,
    'aauth.account': account,
    'aauth.user': user,
    'aauth.tenant': event.tenant,
    'aauth.mission': event.mission,
    'aauth.scope': event.scope === undefined ? undefined : [...event.scope],
    'aauth.jkt': event.jkt,
    'aauth.issuer': event.iss,
    'aauth.jti': event.jti,
    'aauth.token.remembered': event.remembered,
    'aauth.policy': event.policy,
    'aauth.held': event.held,
    'aauth.part': event.part,
    'aauth.request_id': event.requestId,
  }
}

const fetchSpan: SpanKindOf<{
  readonly issuer: string
  readonly document: string
  readonly url: string
  readonly outcome: string | undefined
}> = {
  channel: issuerFetches as TracingChannel<unknown, object>,
  name: ({ document }) => `aauth fetch ${document}`,
  kind: SpanKind.CLIENT,
  end(span, { issuer, document, url, outcome }) {
    span.setAttributes({
      'aauth.issuer': issuer,
      'aauth.document': document,
      'url.full': url,
      'aauth.fetch.outcome': outcome,
    })
    if (outcome !== undefined && outcome !== 'ok') fail(span, outcome)
  },
}

const storeSpan: SpanKindOf<{ readonly operation: string; readonly entry: string }> = {
  channel: storeCalls as TracingChannel<unknown, object>,
  name: ({ operation, entry }) => `aauth store ${operation} ${entry}`,
  kind: SpanKind.CLIENT,
  end: (span, { operation, entry }) =>
    span.setAttributes({ 'aauth.store.operation': operation, 'aauth.store.entry': entry }),
}

function fail(span: Span, type: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR })
  span.setAttribute('error.type', type)
}

/** The fault of a store, or the name of an error. Never its message, which may contain anything. */
export function nameOf(error: unknown): string {
  const { fault, name } = error as { readonly fault?: unknown; readonly name?: unknown }
  return typeof fault === 'string' ? fault : typeof name === 'string' ? name : 'error'
}

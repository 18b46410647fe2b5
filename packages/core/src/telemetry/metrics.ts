import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'
import type { DecisionTold, EventTold } from '../decision/conclusion.js'
import { countedChannel, decisionChannel } from '../decision/decisions.js'
import type { ResourceServer } from '../server/contract.js'
import { storeCalls } from '../tracing/channels.js'
import { bounded, knownMethod } from './known.js'
import { safely } from './safely.js'
import { nameOf } from './spans.js'
import { createTally, type Series, Table, type Tally } from './tally.js'

/** Seconds. A verification in memory takes a tenth of a millisecond; one that fetches keys takes seconds. */
const boundaries = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/**
 * Counts decisions, events and store calls, and reads the gauges of these servers. @returns a function that stops it
 */
export function countIn(
  meter: Meter,
  servers: readonly Pick<ResourceServer, 'resource' | 'counts'>[],
): () => void {
  const stops = [countDecisions(meter), countEvents(meter), timeStore(meter), readGauges(meter, servers)]
  return () => {
    for (const stop of stops) stop()
  }
}

function countDecisions(meter: Meter): () => void {
  const decisions = createTally(meter, 'aauth.decisions', {
    unit: '{decision}',
    description: 'Requests decided on, by outcome and code',
  })
  const tokens = createTally(meter, 'aauth.token_cache.lookups', {
    unit: '{lookup}',
    description: 'Tokens presented, by whether they were remembered',
  })
  const keys = createTally(meter, 'aauth.key_cache.lookups', {
    unit: '{lookup}',
    description: 'Keys of issuers needed, by whether they were in memory',
  })
  const duration = meter.createHistogram('aauth.decision.duration', {
    unit: 's',
    description: 'From the arrival of a request to its decision, with everything that was waited for',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const verification = meter.createHistogram('aauth.verification.duration', {
    unit: 's',
    description: 'Verification of the signature and, where it was not remembered, of the token',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const routeOf = bounded()
  const codeOf = bounded()
  const kinds = new Table<Kind>()
  const resources = new Map<string, OfResource>()
  const ofResource = (resource: string): OfResource => {
    const hit = (tally: Tally, is: boolean) =>
      tally.series({ 'aauth.resource': resource, 'aauth.cache.hit': is })
    const took = (is: boolean) => ({ 'aauth.resource': resource, 'aauth.token.remembered': is })
    return {
      remembered: { tokens: hit(tokens, true), keys: hit(keys, true), verification: took(true) },
      others: { tokens: hit(tokens, false), keys: hit(keys, false), verification: took(false) },
    }
  }
  const ofKind = (
    resource: string,
    outcome: string,
    caller: string,
    method: string,
    code: string | undefined,
    route: string | undefined,
  ): Kind => ({
    decisions: decisions.series({
      'aauth.resource': resource,
      'aauth.outcome': outcome,
      'aauth.caller': caller,
      'http.request.method': method,
      ...(route === undefined ? undefined : { 'http.route': route }),
      ...(code === undefined ? undefined : { 'aauth.code': code }),
    }),
    duration: { 'aauth.resource': resource, 'aauth.outcome': outcome },
  })
  // `event` is not read here, so that it is not built unless another listener needs it.
  const count = ({ conclusion }: DecisionTold): void => {
    const { resource, end, draft, caller, milliseconds } = conclusion
    const { outcome } = end
    const method = knownMethod(draft.request.method)
    const pattern = draft.route.route
    const route = pattern === undefined ? undefined : routeOf(pattern)
    const code = end.code === undefined ? undefined : codeOf(end.code)
    const names = [resource, outcome, caller, method, code, route] as const
    const kind = kinds.get(names) ?? kinds.add(names, ofKind(...names))
    kind.decisions.count++
    duration.record(milliseconds / 1000, kind.duration)
    const { remembered, keyHeld, verification: took } = draft
    if (remembered === undefined) return
    let of = resources.get(resource)
    if (of === undefined) {
      of = ofResource(resource)
      resources.set(resource, of)
    }
    const which = remembered ? of.remembered : of.others
    which.tokens.count++
    if (keyHeld !== undefined) (keyHeld ? of.remembered : of.others).keys.count++
    if (took !== undefined) verification.record(took / 1000, which.verification)
  }
  const stop = listen(decisionChannel.name, count)
  return () => {
    stop()
    for (const tally of [decisions, tokens, keys]) tally.stop()
  }
}

/** The counters for decisions with the same attributes. */
interface Kind {
  readonly decisions: Series
  readonly duration: Attributes
}

/** The counts of one resource, for remembered tokens and for others. */
interface OfResource {
  readonly remembered: Lookups
  readonly others: Lookups
}

interface Lookups {
  readonly tokens: Series
  readonly keys: Series
  readonly verification: Attributes
}

function countEvents(meter: Meter): () => void {
  const fetches = meter.createHistogram('aauth.issuer.fetch.duration', {
    unit: 's',
    description: 'Fetches of the documents of issuers',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const busy = meter.createCounter('aauth.issuer.busy', {
    unit: '{discovery}',
    description: 'Discoveries of issuers that were not begun, since a limit was reached',
  })
  const failures = meter.createCounter('aauth.store.failures', {
    unit: '{failure}',
    description: 'Times that the store began to fail',
  })
  const late = meter.createCounter('aauth.policy.timeouts', {
    unit: '{call}',
    description: 'Functions of the application that gave no answer in time',
  })
  const functionOf = bounded()
  const opened = meter.createCounter('aauth.pending.opened', {
    unit: '{request}',
    description: 'Requests that have to wait',
  })
  const settled = meter.createCounter('aauth.pending.settled', {
    unit: '{request}',
    description: 'Requests that waited and have been decided',
  })
  const sessions = meter.createCounter('aauth.sessions.begun', {
    unit: '{session}',
    description: 'Sessions of connected agents that have begun',
  })
  const count = ({ untold: event, resource: name }: EventTold): void => {
    const resource = { 'aauth.resource': name }
    switch (event.name) {
      case 'issuer-fetched':
        fetches.record(event.milliseconds / 1000, {
          ...resource,
          'aauth.document': event.document,
          'aauth.fetch.outcome': event.outcome,
        })
        break
      case 'issuer-busy':
        busy.add(1, { ...resource, 'aauth.bound': event.bound })
        break
      case 'store-failed':
        failures.add(1, {
          ...resource,
          'aauth.store.operation': event.operation,
          'error.type': event.fault,
        })
        break
      case 'policy-timeout':
        late.add(1, { ...resource, 'aauth.function': functionOf(event.function) })
        break
      case 'deferred':
        opened.add(1, { ...resource, 'aauth.requirement': event.requirement })
        break
      case 'settled':
        settled.add(1, { ...resource, 'aauth.pending.outcome': event.outcome })
        break
      case 'session-begun':
        sessions.add(1, resource)
        break
      default:
    }
  }
  return listen(countedChannel.name, count)
}

function timeStore(meter: Meter): () => void {
  const duration = meter.createHistogram('aauth.store.duration', {
    unit: 's',
    description: 'Calls of a store that does not answer at once',
    advice: { explicitBucketBoundaries: boundaries },
  })
  const began = new WeakMap<object, number>()
  type Call = { readonly operation: string; readonly entry: string; readonly error?: unknown }
  const listeners = {
    start: (message: object) => void began.set(message, performance.now()),
    asyncEnd: safely((message: object) => {
      const { operation, entry, error } = message as Call
      duration.record((performance.now() - (began.get(message) ?? performance.now())) / 1000, {
        'aauth.store.operation': operation,
        'aauth.store.entry': entry,
        ...(error === undefined ? undefined : { 'error.type': nameOf(error) }),
      })
    }),
    end: () => {},
    asyncStart: () => {},
    error: () => {},
  }
  storeCalls.subscribe(listeners as never)
  return () => void storeCalls.unsubscribe(listeners as never)
}

function readGauges(
  meter: Meter,
  servers: readonly Pick<ResourceServer, 'resource' | 'counts'>[],
): () => void {
  const gauge = (
    name: string,
    unit: string,
    description: string,
    read: (counts: ReturnType<ResourceServer['counts']>) => number,
  ): (() => void) => {
    const made = meter.createObservableGauge(name, { unit, description })
    const observe = safely((result: ObservableResult) => {
      for (const server of servers)
        result.observe(read(server.counts()), { 'aauth.resource': server.resource })
    })
    made.addCallback(observe)
    return () => made.removeCallback(observe)
  }
  const stops = [
    gauge(
      'aauth.issuer.discoveries.waiting',
      '{discovery}',
      'Discoveries of issuers that wait for their turn',
      ({ discoveries }) => discoveries.waiting,
    ),
    gauge(
      'aauth.issuer.discoveries.running',
      '{discovery}',
      'Discoveries of issuers that are under way',
      ({ discoveries }) => discoveries.running,
    ),
    gauge(
      'aauth.pending.polls',
      '{poll}',
      'Polls of waiting calls that are held open',
      ({ openPolls }) => openPolls,
    ),
    gauge(
      'aauth.token_cache.size',
      '{token}',
      'Verified tokens that are remembered',
      ({ rememberedTokens }) => rememberedTokens,
    ),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function listen<M>(channel: string | symbol, listener: (message: M) => void): () => void {
  const safe = safely(listener) as (message: unknown) => void
  subscribe(channel, safe)
  return () => void unsubscribe(channel, safe)
}

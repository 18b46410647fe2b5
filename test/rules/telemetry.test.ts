import { createRequire } from 'node:module'
import { createMemoryStore, type Store } from '@countersign/core'
import { startTelemetry, type Telemetry } from '@countersign/core/otel'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type SeenApp, type SeenOptions, seenApps, url } from './seen-app.js'

const require = createRequire(import.meta.url)
const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({
  sampler: new AlwaysOnSampler(),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
})
const fastifyOtel = new FastifyOtelInstrumentation({ registerOnInitialization: false })
let unregister: () => void
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  // Before the frameworks are loaded, as `--require` does it.
  unregister = registerInstrumentations({
    tracerProvider: provider,
    instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation(), fastifyOtel],
  })
  require('node:http')
  require('express')
})
afterAll(() => {
  unregister()
  trace.disable()
  context.disable()
})

/** A store that answers later, as one over a network. */
function slowStore(): Store {
  const store = createMemoryStore()
  return {
    get: async (key) => store.get(key),
    put: async (key, value, ttl) => store.put(key, value, ttl),
    claim: async (key, value, ttl) => store.claim(key, value, ttl),
    delete: async (key) => store.delete(key),
  }
}

let town: Town
let sam: Agent
let app: SeenApp | undefined
let telemetry: Telemetry | undefined
beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom') })
  exporter.reset()
})
afterEach(async () => {
  telemetry?.stop()
  telemetry = undefined
  await app?.close()
  app = undefined
  await town.close()
})

const spans = (name?: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name)
/** Spans of requests at the routes of the application: our documents are asked for as well. */
const decisions = (route: string): ReadableSpan[] =>
  spans('aauth decide').filter(({ attributes }) => attributes['http.route'] === route)
const parentOf = ({ parentSpanContext }: ReadableSpan): ReadableSpan | undefined =>
  spans().find((span) => span.spanContext().spanId === parentSpanContext?.spanId)
const ancestors = (span: ReadableSpan): string[] => {
  const parent = parentOf(span)
  return parent === undefined ? [] : [parent.instrumentationScope.name, ...ancestors(parent)]
}

it('hides no guard from the list of an Express application’s routes', () => {
  const express = require('express') as typeof import('express')
  const guard = aauth({ resource: 'https://rs.example', fetch: town.fetch, logger: false })
  const [application, inner, mounted] = [express(), express.Router(), express()]
  application.use(guard.endpoints())
  inner.use(guard.require('agent'))
  inner.get('/inner', (_req, res) => void res.send('served'))
  application.use('/v1', inner)
  application.get('/own', guard.require('person'), (_req, res) => void res.send('served'))
  application.use('/v2', guard.require('agent'), mounted)
  expect(guard.routes(application).map(({ path, aauth }) => [path, aauth])).toEqual([
    ['/v1/inner', 'agent'],
    ['/own', 'person'],
    ['/v2/*', 'agent'],
  ])
})

describe.each(seenApps)('OpenTelemetry [adapter %s]', (adapter, start) => {
  const open = async (options: SeenOptions = {}): Promise<SeenApp> => {
    app = await start(town, {
      logger: false,
      prepare: async (instance) => void (await instance.register(fastifyOtel.plugin())),
      ...options,
    })
    return app
  }

  it('has one span for each request, child of the framework’s, and says what became of it', async () => {
    await open()
    telemetry = startTelemetry()
    await sam.fetch(url('/notes/7'))
    exporter.reset()
    await sam.fetch(url('/notes/7?secret=1'))
    await town.fetch(url('/notes/8'))
    await sam.fetch(url('/closed/7'))
    const [served, challenged] = decisions('/notes/:id') as [ReadableSpan, ReadableSpan]
    expect(decisions('/notes/:id')).toHaveLength(2)
    expect(served.attributes).toMatchObject({
      'aauth.outcome': 'served',
      'aauth.caller': 'grant',
      'aauth.resource': 'https://rs.example',
      'aauth.call_id': expect.stringMatching(/^[\w-]{43}$/),
      'aauth.ps': 'https://ps.example',
      'aauth.scope': ['read'],
      'aauth.token.remembered': true,
      'http.request.method': 'GET',
      'http.route': '/notes/:id',
    })
    expect(served.attributes).not.toHaveProperty('error.type')
    expect(challenged.attributes).toMatchObject({
      'aauth.outcome': 'challenged',
      'aauth.code': 'person-token',
      'aauth.status': 401,
    })
    const denied = decisions('/closed/:id').at(-1) as ReadableSpan
    expect(denied.attributes).toMatchObject({
      'aauth.outcome': 'denied',
      'error.type': 'closed',
      'aauth.policy': 'closedToday',
    })
    // What a caller may not is no error of ours.
    expect(denied.status.code).toBe(0)
    const framework = adapter === 'fastify' ? '@fastify/otel' : '@opentelemetry/instrumentation-http'
    for (const span of [served, challenged, denied]) {
      expect(ancestors(span)).toContain(framework)
      expect(ancestors(span)).toContain('@opentelemetry/instrumentation-http')
    }
    const text = JSON.stringify(spans('aauth decide').map(({ attributes, name }) => [name, attributes]))
    expect(text).not.toContain('secret=1')
    expect(text).not.toContain(town.ps.subjectOf(town.person('mom'), 'https://rs.example'))
  })

  it('has spans of fetches and of calls of the store within it, and their failures', async () => {
    const store = slowStore()
    await open({ store })
    telemetry = startTelemetry()
    await sam.fetch(url('/notes/7'))
    // The town fetches keys as well, for servers of its own.
    const within = (name: string): ReadableSpan[] =>
      spans(name).filter((span) => parentOf(span)?.name === 'aauth decide')
    expect(within('aauth fetch jwks').map(({ attributes }) => attributes)).toContainEqual(
      expect.objectContaining({ 'aauth.issuer': 'https://ps.example', 'aauth.fetch.outcome': 'ok' }),
    )
    expect(within('aauth fetch metadata').length).toBeGreaterThan(0)
    expect(within('aauth store read revoked').length).toBeGreaterThan(0)
    for (const span of within('aauth store read revoked'))
      expect(span.spanContext().traceId).toBe(parentOf(span)?.spanContext().traceId)
    exporter.reset()
    Object.assign(store, { get: () => Promise.reject(new Error('down: secret')) })
    expect((await sam.fetch(url('/notes/7'))).status).toBe(503)
    const failed = decisions('/notes/:id').at(-1) as ReadableSpan
    expect(failed.status.code).toBe(2)
    expect(failed.attributes).toMatchObject({ 'error.type': 'store_unavailable', 'aauth.family': 'ours' })
    const call = spans('aauth store read revoked').at(-1) ?? spans('aauth store read deny').at(-1)
    expect(call?.attributes).toMatchObject({ 'error.type': 'failed' })
    expect(
      JSON.stringify(spans().map(({ attributes, events, status }) => [attributes, events, status])),
    ).not.toContain('down: secret')
  })

  it('counts and measures, with no stranger’s word among the attributes', async () => {
    const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 })
    const meterProvider = new MeterProvider({ readers: [reader] })
    const store = slowStore()
    const { server } = await open({ store })
    telemetry = startTelemetry({ servers: [server], meterProvider })
    await sam.fetch(url('/notes/7'))
    await sam.fetch(url('/notes/stranger-7'))
    await town.fetch(url('/notes/stranger-8'), { method: 'GET' })
    await sam.send(await sam.sign({ url: url('/held') }))
    await sam.fetch(url('/closed/stranger-9'))
    await reader.forceFlush()
    const [resource] = exported.getMetrics().slice(-1)
    const measured = new Map(
      (resource?.scopeMetrics ?? []).flatMap(({ metrics }) =>
        metrics.map(({ descriptor, dataPoints }) => [
          descriptor.name,
          dataPoints.map(({ attributes, value }) => [attributes, value] as const),
        ]),
      ),
    )
    const sum = (name: string, wanted: object): unknown =>
      measured
        .get(name)
        ?.filter(([attributes]) => Object.entries(wanted).every(([key, value]) => attributes[key] === value))
        .reduce(
          (total, [, value]) =>
            total + (typeof value === 'number' ? value : (value as { count: number }).count),
          0,
        )
    const route = { 'http.route': '/notes/:id' }
    expect(sum('aauth.decisions', { ...route, 'aauth.outcome': 'served' })).toBe(2)
    expect(
      sum('aauth.decisions', {
        'http.route': '/closed/:id',
        'aauth.outcome': 'denied',
        'aauth.code': 'closed',
      }),
    ).toBe(1)
    expect(sum('aauth.decision.duration', { 'aauth.outcome': 'denied' })).toBe(1)
    expect(sum('aauth.token_cache.lookups', { 'aauth.cache.hit': true })).toBeGreaterThanOrEqual(1)
    expect(sum('aauth.verification.duration', { 'aauth.token.remembered': true })).toBe(
      sum('aauth.token_cache.lookups', { 'aauth.cache.hit': true }),
    )
    expect(sum('aauth.key_cache.lookups', { 'aauth.cache.hit': false })).toBeGreaterThanOrEqual(1)
    expect(sum('aauth.issuer.fetch.duration', { 'aauth.fetch.outcome': 'ok' })).toBeGreaterThanOrEqual(2)
    expect(sum('aauth.store.duration', { 'aauth.store.operation': 'read' })).toBeGreaterThan(0)
    expect(sum('aauth.pending.opened', { 'aauth.requirement': 'approval' })).toBe(1)
    expect(sum('aauth.issuer.discoveries.waiting', {})).toBe(0)
    expect(sum('aauth.pending.polls', {})).toBe(0)
    expect(sum('aauth.token_cache.size', {})).toBeGreaterThanOrEqual(1)
    const text = JSON.stringify(
      [...measured].map(([name, points]) => [name, points.map(([attributes]) => attributes)]),
    )
    for (const word of ['stranger', 'ps.example', 'ap.example', 'sam', '/aauth/pending/a'])
      expect(text).not.toContain(word)
    // What docs/observability.md and its dashboard call them.
    const lines = new PrometheusSerializer().serialize(resource as NonNullable<typeof resource>)
    for (const name of [
      'aauth_decisions_total',
      'aauth_decision_duration_bucket',
      'aauth_verification_duration_count',
      'aauth_token_cache_size',
      'aauth_pending_polls',
    ])
      expect(lines).toMatch(new RegExp(`^${name}\\{.*aauth_resource="https://rs\\.example"`, 'm'))
    await meterProvider.shutdown()
  })

  it('makes no more after stop, and nothing that a caller notices of a provider that throws', async () => {
    await open()
    telemetry = startTelemetry({
      tracerProvider: {
        getTracer: () => ({
          startSpan: () => {
            throw new Error('broken')
          },
          startActiveSpan: (() => undefined) as never,
        }),
      },
    })
    expect((await sam.fetch(url('/notes/7'))).status).toBe(200)
    telemetry.stop()
    telemetry = startTelemetry()
    telemetry.stop()
    exporter.reset()
    expect((await sam.fetch(url('/notes/7'))).status).toBe(200)
    expect(spans('aauth decide')).toEqual([])
  })

  it('is off where nothing is sampled, and the request is served as ever', async () => {
    await open()
    const off = new BasicTracerProvider({
      sampler: new AlwaysOffSampler(),
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    })
    telemetry = startTelemetry({ tracerProvider: off })
    expect((await sam.fetch(url('/notes/7'))).status).toBe(200)
    expect(spans('aauth decide')).toEqual([])
  })
})

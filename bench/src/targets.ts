import type { HttpFigures } from './http/run.js'
import type { Framework, SeriesName } from './http/series.js'
import type { Growth, Sizes } from './in-process/growth.js'
import type { Memory } from './memory/run.js'
import type { Results } from './results.js'
import { round } from './statistics.js'

// The targets. First class must hold everywhere; a moonshot is something to be proud of.

/** A number, or why there is none. */
type Finding = number | string
type Find = (results: Results) => Finding

interface Measure {
  readonly what: string
  readonly find: Find
  readonly sign: '<=' | '>='
  readonly unit: string
  /** Absent if only the moonshot requires it, and the other way round. */
  readonly aim?: number | undefined
  readonly moonshot?: number | undefined
}

const measure =
  (sign: Measure['sign']) =>
  (what: string, find: Find, aim?: number, moonshot?: number, unit = ''): Measure => ({
    what,
    find,
    sign,
    unit,
    aim,
    moonshot,
  })
const atMost = measure('<=')
const atLeast = measure('>=')

const of =
  (member: 'ratios' | 'of_own_floor' | 'of_own_floor_cpu' | 'us') =>
  (name: string): Find =>
  (results) =>
    results[member][name] ?? 'sodium-native is not installed'
const floors = of('ratios')
const own = of('of_own_floor')
const us = of('us')

const most =
  (...finds: readonly Find[]): Find =>
  (results) => {
    const found = finds.map((find) => find(results))
    return found.find((finding) => typeof finding === 'string') ?? Math.max(...(found as number[]))
  }

/** The cost at the largest size divided by that at the smallest. */
const flat =
  (what: keyof Growth): Find =>
  ({ growth }) => {
    if (growth === undefined) return 'growth was not run'
    const ratios = Object.values<number>(growth[what] satisfies Sizes)
    return (ratios.at(-1) as number) / (ratios[0] as number)
  }

const kilobytes =
  (member: keyof Memory): Find =>
  ({ memory }) =>
    memory === undefined ? 'memory was not run' : memory[member] / 1000

const http =
  (series: SeriesName, name: string, other: string, figure: 'rps' | 'p50' | 'p99' = 'rps'): Find =>
  ({ http_detail }) => {
    const contenders = http_detail?.series[series]
    if (contenders === undefined) return `${series} was not run`
    const figures: HttpFigures | undefined = contenders[name]
    const ratio = figures?.of[other]?.[figure]
    if (ratio === undefined) return 'sodium-native is not installed'
    return Number.isFinite(ratio) ? ratio : 'autocannon counts whole milliseconds'
  }

const refusal = (name: string): Find => http('refusals', name, `${name}_bare`)

const observed = (name: string): Find => http('observed', name, 'ours_sync')

const young =
  (framework: Framework): Find =>
  ({ http_detail }) => {
    if (http_detail?.young === undefined) return 'http was not run'
    const { ours, limit } = http_detail.young[framework]
    return ours / limit
  }

const targets: Readonly<Record<string, readonly Measure[]>> = {
  T1: [atMost('warm / F', floors('warm'), 1.1, 1.04)],
  T2: [atMost('warm without its verification', us('warm_stubbed'), 6, 3, 'us')],
  T3: [atMost('cold / two verifications', own('cold'), 1.25, 1.12)],
  T4: [atMost('warm ES256 / its own floor, on this Node', own('warm_es256'), 1.15, 1.06)],
  T5: [atLeast('CPU of the npm stack / warm', of('of_own_floor_cpu')('stack'), 5, 6)],
  T6: [atLeast('Fastify, one core: ours / limit', http('fastify', 'ours', 'limit'), 0.95, 1)],
  T6s: [atLeast('Fastify, first seconds of a process: ours / limit', young('fastify'), 0.85, 0.95)],
  T7: [
    atLeast('Fastify, one core: ours / stack', http('fastify', 'ours', 'stack'), 3.7, 4.1),
    atLeast('the same with libsodium', http('fastify', 'ours_sodium', 'stack'), undefined, 5.8),
  ],
  T8: [
    atLeast('Express, one core: ours / limit', http('express', 'ours', 'limit'), 0.95, 1),
    atLeast('Express, one core: ours / stack', http('express', 'ours', 'stack'), 2.4, 2.9),
  ],
  T8s: [atLeast('Express, first seconds of a process: ours / limit', young('express'), 0.85, 0.95)],
  T9: [
    atLeast('Fastify: ours / @fastify/jwt', http('fastify', 'ours', 'jwt'), 1.1, 1.2),
    atLeast('the same with libsodium', http('fastify', 'ours_sodium', 'jwt'), undefined, 1.4),
    atLeast('Express: ours / express-oauth2-jwt-bearer', http('express', 'ours', 'jwt'), 1.1, 1.2),
    atLeast('the same with libsodium', http('express', 'ours_sodium', 'jwt'), undefined, 1.4),
  ],
  T10: [
    atLeast('all cores: threads / sync', http('cores', 'threads', 'sync'), 1.8),
    atMost('p99 at 80 % of sync’s capacity: threads / sync', http('open', 'threads', 'sync', 'p99'), 0.5),
    atLeast('all cores: auto / sync', http('cores', 'auto', 'sync'), undefined, 1.9),
    atMost('p50 of one connection: auto / sync', http('alone', 'auto', 'sync', 'p50'), undefined, 1.05),
  ],
  T11: [atLeast('sync: two processes / one', http('cores', 'sync_two', 'sync'), 1.65, 1.75)],
  T12: [
    atMost('unsigned', us('unsigned'), 2, 1, 'us'),
    atMost('malformed', us('malformed'), 2, 1, 'us'),
    atMost('stale', us('stale'), 2, 1, 'us'),
    atMost('the dearest of them / F', most(floors('unsigned'), floors('malformed'), floors('stale')), 0.02),
  ],
  T13: [
    atLeast('Fastify: unsigned / bare, same request', refusal('unsigned'), 1, 1.1),
    atLeast('Fastify: malformed / bare, same requests', refusal('malformed'), 0.9, 1),
    atLeast('Fastify: stale / bare, same requests', refusal('stale'), 0.9, 1),
    atLeast('Fastify: unknown issuer / bare, same requests', refusal('unknown_issuer'), 0.6, 0.8),
  ],
  T14: [
    atMost('forged token / F', floors('forged'), 1.2, 1.08),
    atMost('the same again / F', floors('forged_again'), 0.05, 0.02),
    atMost('stolen token / F', floors('stolen'), 1.1, 1.05),
  ],
  T15: [atMost('64 KiB of Signature-Key', us('oversized'), 1, 1, 'us')],
  T16: [
    atMost('a remembered token, Ed25519', kilobytes('bytes_per_agent'), 2.5, 1.7, 'kB'),
    atMost('a remembered token, ES256', kilobytes('bytes_per_agent_es256'), 6, 4.5, 'kB'),
  ],
  T17: [
    atMost('many agents / 100', flat('agents'), 1.08, 1.05),
    atMost('1000 keys of an issuer / 1', flat('jwks'), 1.02, 1),
    atMost('24 components / 4', flat('components'), 1.1, 1.05),
    atMost('a token of 6.9 KB / 0.9 KB', flat('token'), 1.05, 1.02),
  ],
  T18: [atMost('warm / F, libsodium verifies', floors('warm_sodium'), undefined, 0.55)],
  T19: [
    atLeast(
      'Fastify, shared Redis / memory: node-redis',
      http('store_fastify', 'node_redis', 'ours'),
      0.95,
      0.98,
    ),
    atLeast('Fastify, shared Redis / memory: ioredis', http('store_fastify', 'ioredis', 'ours'), 0.95, 0.98),
    atLeast(
      'Express, shared Redis / memory: node-redis',
      http('store_express', 'node_redis', 'ours'),
      0.95,
      0.98,
    ),
    atLeast('Express, shared Redis / memory: ioredis', http('store_express', 'ioredis', 'ours'), 0.95, 0.98),
  ],
  T23: [
    atMost('warm with onEvent / without', own('warm_events'), 1.02, 1.01),
    atMost('warm with OpenTelemetry, not sampled / without', own('warm_otel'), 1.05, 1.02),
    atMost('warm with evidence in groups / without', own('warm_audit'), 1.1, 1.05),
    atLeast('Fastify, one core: with onEvent / without', observed('ours_events'), 0.98, 0.99),
    atLeast('Fastify, one core: with OpenTelemetry / without', observed('ours_otel'), 0.95, 0.98),
    atLeast('Fastify, one core: with evidence / without', observed('ours_audit'), 0.91, 0.95),
  ],
}

/** One measure of one target. */
export interface Verdict {
  readonly id: string
  readonly what: string
  readonly aim: string
  readonly moonshot: string
  readonly measured: string
  readonly verdict: string
}

/** Judges every target; compares the figures as printed. */
export function judge(results: Results): Verdict[] {
  return Object.entries(targets).flatMap(([id, measures]) =>
    measures.map(({ what, find, sign, unit, aim, moonshot }) => {
      const found = find(results)
      const limit = (value: number | undefined): string =>
        value === undefined ? '' : `${sign} ${value} ${unit}`.trim()
      const row = { id, what, aim: limit(aim), moonshot: limit(moonshot) }
      if (typeof found === 'string') return { ...row, measured: '', verdict: `not shown: ${found}` }
      const measured = round(found, found < 0.1 ? 3 : 2)
      const meets = (value: number | undefined): boolean =>
        value === undefined || (sign === '<=' ? measured <= value : measured >= value)
      const verdict = !meets(aim) ? 'missed' : moonshot !== undefined && meets(moonshot) ? 'moonshot' : 'held'
      return { ...row, measured: `${measured} ${unit}`.trim(), verdict }
    }),
  )
}

import { sodium } from '../sodium.js'
import type { RequestKind } from './cast.js'

/** The guard of the route, from none to a stack of npm packages. */
export type Guard = 'bare' | 'limit' | 'ours' | 'jwt' | 'stack'

export type Framework = 'fastify' | 'express'

/** How a server is run. */
export interface ServerPlan {
  readonly guard: Guard
  /** The limit with a second verification for an agent's first request, as for its token. */
  readonly unseen?: true
  /** Default: our default. */
  readonly crypto?: 'sync' | 'threads' | 'sodium'
  /** The client of the shared store, a Redis of the run's own; default: in memory. */
  readonly store?: 'redis' | 'ioredis'
  /** The listener for decisions; default none. */
  readonly observed?: 'events' | 'otel' | 'audit'
  /** The application also uses the thread pool itself. */
  readonly busy?: true
  /** Processes of a cluster; default 1. */
  readonly processes?: number
  /** On all cores, together with the client, instead of on one of its own. */
  readonly free?: true
}

const servers = {
  bare: { guard: 'bare' },
  limit: { guard: 'limit' },
  limit_unseen: { guard: 'limit', unseen: true },
  ours: { guard: 'ours' },
  ours_sync: { guard: 'ours', crypto: 'sync' },
  ours_threads: { guard: 'ours', crypto: 'threads' },
  ours_sodium: { guard: 'ours', crypto: 'sodium' },
  node_redis: { guard: 'ours', store: 'redis' },
  ioredis: { guard: 'ours', store: 'ioredis' },
  ours_events: { guard: 'ours', crypto: 'sync', observed: 'events' },
  ours_otel: { guard: 'ours', crypto: 'sync', observed: 'otel' },
  ours_audit: { guard: 'ours', crypto: 'sync', observed: 'audit' },
  jwt: { guard: 'jwt' },
  stack: { guard: 'stack' },
  sync: { guard: 'ours', crypto: 'sync', free: true },
  threads: { guard: 'ours', crypto: 'threads', free: true },
  auto: { guard: 'ours', free: true },
  busy_auto: { guard: 'ours', free: true, busy: true },
  busy_sync: { guard: 'ours', crypto: 'sync', free: true, busy: true },
  busy_threads: { guard: 'ours', crypto: 'threads', free: true, busy: true },
  sync_two: { guard: 'ours', crypto: 'sync', processes: 2, free: true },
} as const satisfies Readonly<Record<string, ServerPlan>>

export type ServerName = keyof typeof servers
export const serverPlan = (name: ServerName): ServerPlan => servers[name]

/** A server under some load. */
export interface Contender {
  readonly name: string
  readonly server: ServerName
  /** Default `signed`. */
  readonly requests?: RequestKind
  /** Default 32. */
  readonly connections?: number
  /** Requests a second that do not wait for answers; otherwise each connection sends when it is answered. */
  readonly rate?: number
  /** The share of these from strangers. */
  readonly strangers?: number
  /** Contenders of the series with which it is compared, round by round. */
  readonly against: readonly string[]
}

/** Contenders that are loaded in turn to be compared. */
export interface Series {
  readonly framework: Framework
  readonly contenders: readonly Contender[]
}

export type SeriesName =
  | 'fastify'
  | 'express'
  | 'store_fastify'
  | 'store_express'
  | 'observed'
  | 'refusals'
  | 'cores'
  | 'alone'
  | 'open'
  | 'mixed'

/** The ways of authenticating callers, on one core. */
export function guardSeries(framework: Framework): Series {
  const against = ['bare', 'limit', 'jwt', 'stack']
  const names = ['bare', 'limit', 'ours', 'ours_sync', 'ours_threads', 'ours_sodium', 'jwt', 'stack'] as const
  return {
    framework,
    contenders: names
      .filter((name) => name !== 'ours_sodium' || sodium !== undefined)
      .map((name) => ({ name, server: name, requests: name === 'jwt' ? 'bearer' : 'signed', against })),
  }
}

/** A shared store compared with one in memory, on one core; Redis shares the other with the client. */
export function storeSeries(framework: Framework): Series {
  return {
    framework,
    contenders: (['ours', 'node_redis', 'ioredis'] as const).map((name) => ({
      name,
      server: name,
      // Otherwise one read of a token would serve ten requests.
      requests: 'spread',
      against: ['ours'],
    })),
  }
}

/** The same on one core with listeners for decisions. */
export const observedSeries: Series = {
  framework: 'fastify',
  contenders: (['ours_sync', 'ours_events', 'ours_otel', 'ours_audit'] as const).map((name) => ({
    name,
    server: name,
    against: ['ours_sync'],
  })),
}

/** Each kind of refusal compared with a framework that does not check the same request. */
export const refusalSeries: Series = {
  framework: 'fastify',
  contenders: (['unsigned', 'malformed', 'stale', 'unknown_issuer'] as const).flatMap((requests) => [
    { name: requests, server: 'ours', requests, against: [`${requests}_bare`] },
    { name: `${requests}_bare`, server: 'bare', requests, against: [] },
  ]),
}

/** All cores, shared with the client. */
export const coreSeries: Series = {
  framework: 'fastify',
  contenders: (['sync', 'threads', 'auto', 'sync_two'] as const).map((name) => ({
    name,
    server: name,
    against: ['sync'],
  })),
}

/** One request at a time. */
export const aloneSeries: Series = {
  framework: 'fastify',
  contenders: (['sync', 'auto'] as const).map((name) => ({
    name,
    server: name,
    connections: 1,
    against: ['sync'],
  })),
}

/** Requests that do not wait for each other. */
export function openSeries(rate: number): Series {
  return {
    framework: 'fastify',
    contenders: (['sync', 'threads', 'auto'] as const).map((name) => ({
      name,
      server: name,
      rate,
      against: ['sync'],
    })),
  }
}

/** The same with two of five requests from strangers, whose tokens must be verified, compared with none. */
export function mixedSeries(rate: number): Series {
  return {
    framework: 'fastify',
    contenders: (['sync', 'threads', 'auto'] as const).flatMap((server) => [
      { name: `${server}_among_strangers`, server, rate, strangers: 0.4, against: [server] },
      { name: server, server, rate, against: [] },
    ]),
  }
}

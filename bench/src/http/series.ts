import { sodium } from '../sodium.js'
import type { RequestKind } from './cast.js'

/** What stands in front of the route, from nothing at all to what one builds from npm. */
export type Guard = 'bare' | 'limit' | 'ours' | 'jwt' | 'stack'

export type Framework = 'fastify' | 'express'

/** How a server is run. */
export interface ServerPlan {
  readonly guard: Guard
  /** The limit verifies twice what an agent sends first, as whoever has to verify its token does too. */
  readonly unseen?: true
  /** Default: what ours does when nothing is said. */
  readonly crypto?: 'sync' | 'threads' | 'sodium'
  /** The client of the shared store, a Redis of the run's own; default: in memory. */
  readonly store?: 'redis' | 'ioredis'
  /** Who looks at what is decided; default nobody. */
  readonly observed?: 'events' | 'otel' | 'audit'
  /** The application asks the thread pool for work of its own meanwhile. */
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
  /** Requests come by themselves, so many a second; otherwise each connection sends when it is answered. */
  readonly rate?: number
  /** The share of these that strangers send. */
  readonly strangers?: number
  /** Contenders of the series that it is compared with, round by round. */
  readonly against: readonly string[]
}

/** What is loaded in turn, so that it may be compared. */
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

/** One way of knowing who calls beside the others, on one core. */
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

/** A shared store beside one in memory, on one core; Redis shares the other with the client. */
export function storeSeries(framework: Framework): Series {
  return {
    framework,
    contenders: (['ours', 'node_redis', 'ioredis'] as const).map((name) => ({
      name,
      server: name,
      // Else one read of a token would serve ten requests.
      requests: 'spread',
      against: ['ours'],
    })),
  }
}

/** The same on one core while somebody looks at what is decided. */
export const observedSeries: Series = {
  framework: 'fastify',
  contenders: (['ours_sync', 'ours_events', 'ours_otel', 'ours_audit'] as const).map((name) => ({
    name,
    server: name,
    against: ['ours_sync'],
  })),
}

/** Each kind of refusal beside a framework that does not look at the same request. */
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

/** The same where two of five are sent by strangers, whose tokens have to be verified, beside those without. */
export function mixedSeries(rate: number): Series {
  return {
    framework: 'fastify',
    contenders: (['sync', 'threads', 'auto'] as const).flatMap((server) => [
      { name: `${server}_among_strangers`, server, rate, strangers: 0.4, against: [server] },
      { name: server, server, rate, against: [] },
    ]),
  }
}

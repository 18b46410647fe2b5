import type { Server } from 'node:http'
import {
  allow,
  type Caller,
  deny,
  type Onward,
  type Requirement,
  type ResourceOptions,
  type ResourceServer,
} from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import { orderRoute } from './order.js'

/** What an adapter's target hands back. */
export interface StartedTarget {
  readonly server: Server
  readonly aauth: ResourceServer
}

/** What a handler of the target knows of a request. */
export interface Received {
  /** On a route where nobody may be known, `undefined` or `null`, as the framework has it. */
  readonly caller: Caller
  readonly observed: Observed | null | undefined
  /** Length of {@link body}. */
  readonly bytes: number
  /** The body as the framework's parser handed it over; empty when there was none. */
  readonly body: Buffer
  /** On a route with `onward: true`. */
  onward(): Onward
}

/** An answer with a status of its own. */
export class Reply {
  readonly status: number
  readonly body: object
  constructor(status: number, body: object) {
    this.status = status
    this.body = body
  }
}

/** One route of the target; every adapter serves the same table. */
export interface TargetRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly requirement: Requirement
  /** Default 200. */
  readonly status?: number
  /** The JSON that is answered, or a {@link Reply}. */
  answer(received: Received): object | Promise<object>
}

/** The scopes of the target. */
const scopes = {
  'data.read': 'Read the data',
  'data.write': 'Change the data',
  'data.delete': 'Delete the data',
}

const caller = ({ caller }: Received): object => describe(caller)
const callerAndBytes = ({ caller, bytes }: Received): object => ({ ...describe(caller), bytes })

/** Every account is everybody's, but for those whose name begins so. */
const accounts: ResourceOptions['accounts'] = ({ account }) => !account.startsWith('not-')

/** What is said of the target once. */
export const access = { scopes, accounts }

let executions = 0

const plain: readonly TargetRoute[] = [
  { method: 'GET', path: '/agent', requirement: 'agent', answer: caller },
  { method: 'GET', path: '/person', requirement: 'person', answer: caller },
  { method: 'GET', path: '/data', requirement: { scope: 'data.read' }, answer: caller },
  { method: 'POST', path: '/data', requirement: { scope: 'data.write' }, answer: callerAndBytes },
  {
    method: 'POST',
    path: '/digest',
    requirement: { scope: 'data.write', components: ['content-type', 'content-digest'] },
    answer: ({ bytes }) => ({ bytes }),
  },
  {
    method: 'POST',
    path: '/once',
    requirement: { scope: 'data.write', replay: true },
    answer: () => ({ ok: true }),
  },
  { method: 'DELETE', path: '/data', requirement: { scope: ['data.write', 'data.delete'] }, answer: caller },
  {
    method: 'POST',
    path: '/held',
    requirement: { scope: 'data.write', deliver: 'held' },
    answer: () => ({ execution: ++executions }),
  },
  {
    method: 'GET',
    path: '/session',
    requirement: { session: { description: 'Call /session in your name' } },
    answer: caller,
  },
  {
    method: 'GET',
    path: '/mine',
    requirement: { scope: 'data.read', user: true },
    answer: ({ caller }) => ({
      ...describe(caller),
      user: 'user' in caller ? caller.user : undefined,
    }),
  },
  {
    method: 'GET',
    path: '/accounts/:account',
    requirement: { scope: 'data.read', account: ({ params }) => params['account'] },
    answer: caller,
  },
  {
    method: 'GET',
    path: '/shop/tobacco',
    requirement: {
      scope: 'data.read',
      policy: ({ caller }) =>
        caller.tenant === 'school' ? deny('not_for_schools', 'This account cannot buy tobacco.') : allow(),
    },
    answer: caller,
  },
  { method: 'GET', path: '/open', requirement: { identity: 'any', optional: true }, answer: caller },
  {
    method: 'GET',
    path: '/observed',
    requirement: { scope: 'data.read', observe: true },
    answer: ({ caller, observed }) => ({ ...describe(caller), observed: observed?.code ?? null }),
  },
]

/** The table, with `/order` from this supplier. */
export function routesFrom(supplier: string): readonly TargetRoute[] {
  return [...plain, orderRoute(supplier)]
}

/** The table of a target that is started without options. */
export const routes: readonly TargetRoute[] = routesFrom('https://supplier.example')

/** A caller as the target's answers show it. */
function describe(caller: Caller | null | undefined): object {
  if (caller === null || caller === undefined) return { kind: 'anonymous' }
  if (caller.kind === 'agent') return { kind: caller.kind, agent: caller.agent, provider: caller.provider }
  if (caller.kind === 'session') {
    const { kind, user, scope, data, by } = caller
    return { kind, user, scope, data, agent: by.kind === 'agent' ? by.agent : undefined }
  }
  const { person, mission, tenant } = caller
  const who = { kind: caller.kind, ...person, mission, tenant }
  return caller.kind === 'person' ? who : { ...who, scope: caller.scope, account: caller.account }
}

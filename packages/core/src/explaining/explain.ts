import type { Requirement } from '../access/requirement.js'
import { guideAddress, requirementSections } from '../answer/help.js'
import type { Outcome } from '../answer/outcome.js'
import { type ErrorCode, errorTable } from '../errors.js'
import type { AAuthEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { ResourceOptions } from '../server/resource-options.js'
import { createTracedServer } from '../server/resource-server.js'
import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import { type CheckName, checks } from '../tracing/trace.js'
import { type CapturedRequest, readCapture } from './capture.js'
import { remedies } from './remedies.js'

/** How to explain a captured request. */
export interface ExplainOptions<Raw = unknown> {
  /**
   * The options of the server that refused it. Issuers' keys are fetched as by that server. Its stores are only read:
   * nothing is changed, and no signature is used up. `onEvent` and `logger` are not called.
   */
  readonly server: ResourceOptions<Raw>
  /** The requirement of its route. Functions in it, such as policies, are called. Default `{ identity: 'any' }`. */
  readonly require?: Requirement<Raw>
  /** When the request came. Default: when the capture says it was sent (HAR), otherwise now. */
  readonly at?: Date
  /** The parameters of the route. Default none. */
  readonly params?: Readonly<Record<string, string | undefined>>
}

/** One check of a request. */
export interface ExplainedCheck {
  readonly name: string
  /** The name of the check. */
  readonly check: string
  /** The clause that requires it. */
  readonly clause: string
  /** What the check read: names, times and lengths, but no token and no signature. Absent if there is nothing to show. */
  readonly seen?: string
  readonly passed: boolean
}

/** How a server answers a request, and why. */
export interface Explanation {
  readonly served: boolean
  /** The status of the answer; 200 when the request is served. */
  readonly status: number
  /** `served`, an error code, a requirement, or a policy's own code. */
  readonly code: string
  readonly detail: string | undefined
  /** What exactly was wrong, for the operator. */
  readonly reason: string | undefined
  /** The checks in the order in which they ran. The last one is the one that failed. */
  readonly checks: readonly ExplainedCheck[]
  /** What the caller can do about it. */
  readonly remedy: string | undefined
  /** Misconfigurations of the server that were found. */
  readonly diagnostics: readonly string[]
  /** The whole explanation as text. */
  readonly text: string
}

/**
 * Explains how a server answers a captured request. The server's own checks run on it. Each is listed with the clause
 * that requires it and what it read, up to the one that failed, with the remedy.
 *
 * @param captured its bytes or text, a `curl` command, an entry of a HAR file, or its parts
 * @throws TypeError when the capture or an option is invalid
 *
 * @example
 * ```ts
 * import { explain } from '@countersign/core/explain'
 *
 * const { text } = await explain("curl https://notes.example/notes -H 'Signature-Key: …'", {
 *   server: { resource: 'https://notes.example' },
 *   require: 'agent',
 * })
 * console.log(text)
 * ```
 */
export async function explain<Raw = unknown>(
  captured: CapturedRequest,
  { server: options, require: requirement, at, params = {} }: ExplainOptions<Raw>,
): Promise<Explanation> {
  const { request, at: sent } = readCapture(captured)
  const offset = (at?.getTime() ?? sent ?? Date.now()) - Date.now()
  if (Number.isNaN(offset)) throw new TypeError('explain: at must be a date')
  const clock = (): number => Date.now() + offset
  const seen: { name: CheckName; seen: string | undefined }[] = []
  const events: AAuthEvent[] = []
  const { store, replayStore, replayReportOnlyUntil: _, ...rest } = options
  const server = createTracedServer<Raw>(
    {
      ...rest,
      ...(store === undefined ? {} : { store: readingOnly(store, clock) }),
      ...(replayStore === undefined ? {} : { replayStore: readingOnly(replayStore, clock) }),
      observe: false,
      clock,
      logger: false,
      onEvent: (event) => events.push(event),
    } as ResourceOptions<Raw>,
    (name, value) => seen.push({ name, seen: value === undefined ? undefined : printable(value) }),
  )
  try {
    const guard = server.require(enforced(requirement ?? { identity: 'any' }) as Requirement<Raw>)
    return explained(request, await guard.check(request, { params, raw: undefined as Raw }), seen, events)
  } finally {
    server.close()
  }
}

/** The requirement without report-only mode. */
function enforced<R>(requirement: R): R {
  if (typeof requirement !== 'object' || requirement === null) return requirement
  const { observe: _, enforce: __, ...rest } = requirement as R & { observe?: unknown; enforce?: unknown }
  return rest as R
}

function explained(
  request: HttpRequest,
  outcome: Outcome,
  seen: readonly { readonly name: CheckName; readonly seen: string | undefined }[],
  events: readonly AAuthEvent[],
): Explanation {
  const { served } = outcome
  const status = served ? 200 : outcome.answer.status
  const code = served ? 'served' : outcome.code
  const refusal = events.find((event) => event.name === 'refused')
  // A key that did not fit is fetched again and the token verified again; this is listed once.
  const last = new Map(seen.map(({ name }, index) => [name, index]))
  const kept = seen.filter(({ name }, index) => last.get(name) === index)
  const list = kept.map(({ name, seen: value }, index): ExplainedCheck => {
    const [check, clause] = checks[name]
    const passed = served || index < kept.length - 1
    return { name, check, clause, ...(value === undefined ? {} : { seen: value }), passed }
  })
  const found = {
    served,
    status,
    code,
    detail: served ? undefined : outcome.detail,
    reason: refusal?.name === 'refused' ? refusal.reason : undefined,
    checks: list,
    remedy: served ? undefined : (remedies.get(code) ?? remedies.get('access_denied')),
    diagnostics: events.flatMap((event) =>
      event.name === 'diagnostic' ? [`${event.code}: ${event.message}`] : [],
    ),
  }
  return { ...found, text: print(request, found) }
}

function print({ method, target }: HttpRequest, found: Omit<Explanation, 'text'>): string {
  const { checks: list, status, code, detail, reason, remedy, diagnostics, served } = found
  const isKnown = errorTable.has(code as ErrorCode) || requirementSections.includes(code)
  const section = isKnown ? code : 'access_denied'
  return [
    printable(`${method} ${target}`),
    ...list.flatMap(({ check, clause, seen, passed }) => [
      `${passed ? 'ok  ' : 'FAIL'} ${check} (${clause})`,
      ...(seen === undefined ? [] : [`       ${seen}`]),
    ]),
    served
      ? '=> served'
      : `=> ${status} ${printable(code)}${detail === undefined ? '' : `: ${printable(detail)}`}`,
    ...(reason === undefined || reason === detail ? [] : [`   reason: ${printable(reason)}`]),
    ...(remedy === undefined ? [] : [`   remedy: ${remedy}`, `   see ${guideAddress}#${section}`]),
    ...diagnostics.map((diagnostic) => `   notice: ${printable(diagnostic)}`),
  ].join('\n')
}

/** A stranger's text, safe for a terminal, with anything removed that looks like a token. */
function printable(text: string): string {
  const plain = text
    .replace(/[^\x20-\x7e’…]/g, '?')
    .replace(/[\w-]{12,}\.[\w-]{12,}\.[\w-]*/g, '(token)')
    .replace(/:[A-Za-z0-9+/]{40,}={0,2}:/g, (bytes) => `${bytes.slice(0, 9)}…:`)
  return plain.length > 400 ? `${plain.slice(0, 399)}…` : plain
}

/** A store whose writes go to memory only. */
function readingOnly(store: Store, clock: () => number): Store {
  const own = createMemoryStore({ clock })
  const gone = new Set<string>()
  const get = async (key: string): Promise<string | undefined> =>
    (await own.get(key)) ?? (gone.has(key) ? undefined : await store.get(key))
  return {
    get,
    put: (key, value, ttl) => own.put(key, value, ttl),
    claim: async (key, value, ttl) => (await get(key)) === undefined && (await own.claim(key, value, ttl)),
    async delete(key) {
      gone.add(key)
      await own.delete(key)
    },
  }
}

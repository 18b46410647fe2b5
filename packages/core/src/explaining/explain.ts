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

/** What a captured request is explained with. */
export interface ExplainOptions<Raw = unknown> {
  /**
   * The options of the server that has refused it. Issuers are asked for their keys as there. Of its stores only reads are
   * made: nothing is changed, and no signature used up. `onEvent` and `logger` are told nothing.
   */
  readonly server: ResourceOptions<Raw>
  /** What its route requires. Functions in it, policies among them, are called. Default `{ identity: 'any' }`. */
  readonly require?: Requirement<Raw>
  /** When the request came. Default: when its capture says it was sent (HAR), otherwise now. */
  readonly at?: Date
  /** The parameters of the route. Default none. */
  readonly params?: Readonly<Record<string, string | undefined>>
}

/** One check of a request. */
export interface ExplainedCheck {
  readonly name: string
  /** What is checked, in words. */
  readonly check: string
  /** Where that is written down. */
  readonly clause: string
  /** What was looked at: names, times and lengths, no token and no signature. Absent where there is nothing to show. */
  readonly seen?: string
  readonly passed: boolean
}

/** What a server makes of a request, and why. */
export interface Explanation {
  readonly served: boolean
  /** Of the answer; 200 where the request is served. */
  readonly status: number
  /** `served`, an error code, a requirement, or a policy's own code. */
  readonly code: string
  readonly detail: string | undefined
  /** For the operator: what exactly was wrong. */
  readonly reason: string | undefined
  /** The checks in the order in which they were made; the last one is the one that failed. */
  readonly checks: readonly ExplainedCheck[]
  /** What the caller can do about it. */
  readonly remedy: string | undefined
  /** Misconfigurations of the server that were noticed. */
  readonly diagnostics: readonly string[]
  /** All of it, as lines of text. */
  readonly text: string
}

/**
 * Explains what a server makes of a captured request: the very checks of the server run on it and are listed, each with the
 * clause that asks for it and what it saw, up to the one that failed, with the remedy.
 *
 * @param captured its bytes or text, a `curl` command, an entry of a HAR file, or its parts
 * @throws TypeError when the capture or an option makes no sense
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

/** The requirement as it is when the route does not only observe. */
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
  // A key that did not fit is looked for again, and then verified again: told once.
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

/** Text of a stranger's, as it may go to a terminal; and nothing in it that looks like a token. */
function printable(text: string): string {
  const plain = text
    .replace(/[^\x20-\x7e’…]/g, '?')
    .replace(/[\w-]{12,}\.[\w-]{12,}\.[\w-]*/g, '(token)')
    .replace(/:[A-Za-z0-9+/]{40,}={0,2}:/g, (bytes) => `${bytes.slice(0, 9)}…:`)
  return plain.length > 400 ? `${plain.slice(0, 399)}…` : plain
}

/** A store that is read, and written to only in memory. */
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

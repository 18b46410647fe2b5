import { splitLine } from './line.js'
import { checkFiles, linesOf } from './lines.js'

/** Where to start a trail; exactly one of these. */
export interface TrailStart {
  /** The `call_id` of a request. */
  readonly id?: string
  /** The `jti` of a token that was presented. */
  readonly jti?: string
  /** The hash that stands for a person in one resource's records. */
  readonly person?: string
}

/** One request, and what is known about its caller. */
export interface TrailStep {
  readonly resource: string
  /** Milliseconds. */
  readonly at: number
  readonly id?: string
  readonly method?: string
  readonly route?: string
  readonly outcome?: string
  /** The issuer and `jti` of the token that was presented. */
  readonly iss?: string
  readonly jti?: string
  /** The hash that stands for the person at this resource. */
  readonly person?: string
  readonly ps?: string
  /** The agent, if it presented an agent token here, or used the same key elsewhere in these files. */
  readonly agent?: string
  readonly parentAgent?: string
  /** The resource that made this request in its caller's name. */
  readonly calledBy?: string
}

/** The result of {@link auditTrail}. */
export interface AuditTrail {
  /**
   * From the request that was searched for back to the one that the person’s own agent made. If there are several,
   * one after the other.
   */
  readonly paths: readonly (readonly TrailStep[])[]
  /** The paths as text, a line for each step. */
  readonly text: string
}

type Facts = Omit<TrailStep, 'calledBy'> & { readonly jkt?: string }

interface OnwardFacts {
  readonly resource: string
  readonly id: string | undefined
  readonly iss: string | undefined
  readonly jti: string | undefined
}

interface Parsed {
  readonly resource: string
  readonly at: number
  readonly decision?: Omit<Facts, 'resource' | 'at'>
  readonly onward?: { readonly id?: string }
}

interface ParsedEvidence {
  readonly iss?: string
  readonly jti?: string
  readonly jkt?: string
  readonly person?: string
  readonly tokens?: readonly { readonly iss: string; readonly jti: string }[]
}

/**
 * Follows a request back to the person, over the logs of all resources on its way. A resource that called a supplier
 * in its caller's name has recorded which tokens it presented, and the supplier which token it got (AAuth 10.1). This
 * does not verify the files; `verifyAuditLog` does.
 *
 * @throws TypeError when `start` is empty
 *
 * @example
 * ```ts
 * import { auditTrail } from '@countersign/core/audit'
 *
 * const { text } = await auditTrail(['shop.jsonl', 'supplier.jsonl'], { id: process.argv[2] ?? '' })
 * console.log(text)
 * ```
 */
export async function auditTrail(files: readonly string[], start: TrailStart): Promise<AuditTrail> {
  if ([start.id, start.jti, start.person].filter((one) => one !== undefined).length !== 1)
    throw new TypeError('start: must have one of id, jti and person')
  checkFiles(files)
  const records = new Records()
  for (const file of files) await records.read(file)
  const paths = records.find(start).map((facts) => records.path(facts))
  return { paths, text: paths.map(inWords).join('\n\n') }
}

const tokenName = (iss: string | undefined, jti: string | undefined): string => `${iss} ${jti}`

class Records {
  readonly #all: Facts[] = []
  readonly #byId = new Map<string, Facts>()
  readonly #byToken = new Map<string, Facts>()
  /** By a token that was presented to a supplier. */
  readonly #onward = new Map<string, OnwardFacts>()
  readonly #agents = new Map<string, Pick<Facts, 'agent' | 'parentAgent'>>()

  async read(file: string): Promise<void> {
    for await (const { text } of linesOf(file)) {
      const parts = splitLine(text)
      if (parts === undefined) continue
      try {
        this.#take(
          JSON.parse(parts.record) as Parsed,
          JSON.parse(parts.evidence ?? '{}') as ParsedEvidence | null,
        )
      } catch {
        // Lines that are no records are skipped; `verifyAuditLog` reports them.
      }
    }
  }

  find({ id, jti, person }: TrailStart): readonly Facts[] {
    return this.#all.filter((facts) =>
      id !== undefined ? facts.id === id : jti !== undefined ? facts.jti === jti : facts.person === person,
    )
  }

  /** The steps back to the request that was made in nobody else's name. */
  path(facts: Facts): readonly TrailStep[] {
    const steps: TrailStep[] = []
    const seen = new Set<Facts>()
    for (let at: Facts | undefined = facts; at !== undefined && !seen.has(at); ) {
      seen.add(at)
      const caller: OnwardFacts | undefined =
        at.jti === undefined ? undefined : this.#onward.get(tokenName(at.iss, at.jti))
      const { jkt, ...known }: Facts = at
      const agent = jkt === undefined ? undefined : this.#agents.get(jkt)
      steps.push({ ...agent, ...known, ...(caller === undefined ? {} : { calledBy: caller.resource }) })
      at = caller === undefined ? undefined : this.#cause(caller)
    }
    return steps
  }

  #cause({ resource, id, iss, jti }: OnwardFacts): Facts | undefined {
    const byId = id === undefined ? undefined : this.#byId.get(`${resource} ${id}`)
    return byId ?? this.#byToken.get(`${resource} ${tokenName(iss, jti)}`)
  }

  #take({ resource, at, decision, onward }: Parsed, evidence: ParsedEvidence | null): void {
    const { iss, jti, jkt, person, tokens = [] } = evidence ?? {}
    if (onward !== undefined) {
      for (const token of tokens)
        this.#onward.set(tokenName(token.iss, token.jti), { resource, id: onward.id, iss, jti })
      return
    }
    if (decision === undefined) return
    const { id, method, route, outcome, ps, agent, parentAgent } = decision
    const facts = defined({
      resource,
      at,
      id,
      method,
      route,
      outcome,
      iss,
      jti,
      jkt,
      person,
      ps,
      agent,
      parentAgent,
    }) as Facts
    this.#all.push(facts)
    if (id !== undefined) this.#byId.set(`${resource} ${id}`, facts)
    if (jti !== undefined) this.#byToken.set(`${resource} ${tokenName(iss, jti)}`, facts)
    if (jkt !== undefined && agent !== undefined)
      this.#agents.set(jkt, { agent, ...(parentAgent === undefined ? {} : { parentAgent }) })
  }
}

function defined(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/**
 * A name that a stranger chose, such as a `jti`, made safe: without line breaks, control characters, and characters
 * that change the direction of text.
 */
const shown = (name: string): string =>
  name.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  )

function inWords(path: readonly TrailStep[]): string {
  return path
    .map(({ resource, at, id, method, route, outcome, iss, jti, person, ps, agent, parentAgent, calledBy }) =>
      [
        `${new Date(at).toISOString()} ${resource} ${method ?? ''} ${route ?? ''} ${outcome ?? ''}`,
        id === undefined ? [] : `call ${id}`,
        jti === undefined ? [] : `token ${jti} of ${iss}`,
        person === undefined ? [] : `for person ${person} of ${ps}`,
        agent === undefined ? [] : `by ${agent}`,
        parentAgent === undefined ? [] : `helping ${parentAgent}`,
        calledBy === undefined ? [] : `called by ${calledBy} in its caller’s name`,
      ]
        .flat()
        .map(shown)
        .join('\n  '),
    )
    .join('\n')
}

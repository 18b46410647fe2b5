import type { ApprovalOptions, PolicyInput } from '../access/policy.js'
import type { Awaitable } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { z } from '../configuration/schema.js'
import { checkText, type FindUnfit, longest, plainJson, tooLong } from './plain.js'

/** A principal or resource, for a policy engine. */
export interface PolicyEntity {
  /** `person`, `agent`, `user`, `route`. */
  readonly type: string
  readonly id: string
  /** The properties that the engine may decide by; JSON. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** The options that all policy engines share. */
export interface PolicyEngineOptions<C extends Caller = Caller, Raw = unknown> {
  /**
   * The principal. Default: the person, `{ type: 'person', id: 'https://ps.example#sub' }` with `ps`, `sub` and
   * `tenant`; the agent (`agent`) if no person is known; and the application's own user (`user`) with a session.
   */
  readonly principal?: (input: PolicyInput<C, Raw>) => Awaitable<PolicyEntity>
  /** The action. Default: the method, such as `DELETE`. */
  readonly action?: (input: PolicyInput<C, Raw>) => Awaitable<string>
  /**
   * The resource. Default: the route as declared, `{ type: 'route', id: '/notes/:id' }`, with `path` and `params`;
   * the path if the framework does not tell the route.
   */
  readonly resource?: (input: PolicyInput<C, Raw>) => Awaitable<PolicyEntity>
  /**
   * Further context, beside what every engine gets: `route`, `method`, `path`, `params`, `now` in seconds,
   * `approvedBy`, and if known, `agent`, `parentAgent`, `scope`, `account`, `tenant` and `mission`. A member with one
   * of these names replaces it.
   */
  readonly context?: (input: PolicyInput<C, Raw>) => Awaitable<Readonly<Record<string, unknown>>>
  /** Called for each held call when the engine answers `approval`, as in `approval()`. Required for that answer. */
  readonly ask?: ApprovalOptions['ask']
}

/** A {@link PolicyEntity} whose properties are plain JSON. */
export interface AskedEntity extends PolicyEntity {
  readonly properties: Record<string, never>
}

/** A question, not specific to any engine. */
export interface Question {
  readonly principal: AskedEntity
  readonly action: string
  readonly resource: AskedEntity
  readonly context: Record<string, never>
}

/** The schema of an optional function. */
export const functionSchema: z.ZodType = z
  .custom((value) => typeof value === 'function', 'must be a function')
  .optional()

/** The schemas of {@link PolicyEngineOptions}. */
export const engineShape: Readonly<Record<keyof PolicyEngineOptions, z.ZodType>> = {
  principal: functionSchema,
  action: functionSchema,
  resource: functionSchema,
  context: functionSchema,
  ask: functionSchema,
}

/**
 * Makes the question about a request, as plain JSON.
 *
 * @param findUnfit what this engine does not accept
 * @throws TypeError when an option returns another type: the engine would otherwise be asked about a different
 * principal or resource
 * @throws NoAnswer with `403` for input that no engine, or not this one, can take
 */
export async function questionOf<C extends Caller, Raw>(
  input: PolicyInput<C, Raw>,
  { principal, action, resource, context }: PolicyEngineOptions<C, Raw>,
  findUnfit?: FindUnfit,
): Promise<Question> {
  const who =
    principal === undefined ? principalOf(input.caller) : entity('principal', await principal(input))
  const what = action === undefined ? input.request.method : text('action', await action(input))
  const which = resource === undefined ? resourceOf(input) : entity('resource', await resource(input))
  const more = context === undefined ? {} : members('context', await context(input))
  const question = {
    principal: plainEntity('principal', who, findUnfit),
    action: checkText('action', what),
    resource: plainEntity('resource', which, findUnfit),
    context: plainJson('context', { ...contextOf(input), ...more }, findUnfit),
  }
  // Beyond four megabytes Cerbos answers as if it were overloaded.
  if (JSON.stringify(question).length > longest) throw tooLong('the question')
  return question
}

function plainEntity(
  part: string,
  { type, id, properties }: PolicyEntity,
  findUnfit: FindUnfit | undefined,
): AskedEntity {
  return {
    type: checkText(`${part}.type`, type),
    id: checkText(`${part}.id`, id),
    properties: plainJson(`${part}.properties`, properties, findUnfit),
  }
}

function entity(option: string, answer: unknown): PolicyEntity {
  const { type, id, properties } = members(option, answer)
  return {
    type: text(`${option}.type`, type),
    id: text(`${option}.id`, id),
    properties: members(`${option}.properties`, properties),
  }
}

function text(option: string, answer: unknown): string {
  if (typeof answer === 'string' && answer !== '') return answer
  throw new TypeError(`option ${option}: must answer a text that is not empty`)
}

function members(option: string, answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer))
    return answer as Readonly<Record<string, unknown>>
  throw new TypeError(`option ${option}: must answer an object`)
}

function principalOf(caller: Caller): PolicyEntity {
  switch (caller.kind) {
    case 'agent':
      return { type: 'agent', id: caller.agent, properties: { provider: caller.provider } }
    case 'session':
      return { type: 'user', id: caller.user, properties: {} }
    default: {
      const { ps, sub } = caller.person
      // A person server is an https origin without `#`, so two persons never have the same id.
      return { type: 'person', id: `${ps}#${sub}`, properties: known({ ps, sub, tenant: caller.tenant }) }
    }
  }
}

function resourceOf({ request }: PolicyInput): PolicyEntity {
  const { route, path, params } = request
  return { type: 'route', id: route ?? path, properties: { path, params: known(params) } }
}

function contextOf({ caller, request, now, approvedBy }: PolicyInput): Readonly<Record<string, unknown>> {
  const by = caller.kind === 'session' ? caller.by : caller
  const { agent, parentAgent, tenant, mission, account }: Readonly<Record<string, unknown>> = { ...by }
  const { route, method, path, params } = request
  const scope = 'scope' in caller ? caller.scope : undefined
  const said = { route, method, path, params: known(params), now, approvedBy: [...approvedBy] }
  return known({ ...said, agent, parentAgent, scope: scope && [...scope], account, tenant, mission })
}

/** Without undefined members, which JSON does not have. */
function known(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

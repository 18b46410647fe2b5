import type { JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string)

/** The optional members of a request to either token endpoint (7.1, 7.2), with their checks. */
const members: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['capabilities', (value) => Array.isArray(value) && value.every(isText)],
  ['justification', isText],
  ['login_hint', isText],
  ['tenant', isText],
  ['domain_hint', isText],
  ['prompt', oneOf('none', 'login', 'consent', 'select_account')],
  ['platform', oneOf('web', 'mobile', 'desktop', 'workload', 'self-hosted')],
  ['upstream_token', isText],
  ['subagent_token', isText],
  ['device', (value) => isText(value) && /^[\x20-\x7e]{1,64}$/.test(value as string)],
])

/** The first malformed member. */
export function memberFault(body: JsonObject): Fault | undefined {
  for (const [name, check] of members) {
    if (body[name] !== undefined && !check(body[name]))
      return new Fault('invalid_request', `${name} is malformed`)
  }
  return undefined
}

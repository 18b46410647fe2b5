/** The rule of an option: whether a value is valid, and what is expected. */
export type OptionRule = readonly [is: (value: unknown) => boolean, expected: string]

const isFunction: OptionRule = [(value) => typeof value === 'function', 'a function']
const isText: OptionRule = [(value) => typeof value === 'string', 'a text']
const isObject: OptionRule = [(value) => typeof value === 'object' && value !== null, 'an object']
const anything: OptionRule = [() => true, '']

/** The rules of {@link createTown}. */
export const townRules: Readonly<Record<string, OptionRule>> = {
  clock: isFunction,
  // Identifiers are checked where they are used.
  agentProvider: anything,
  personServer: anything,
  wait: isFunction,
  strict: [(value) => typeof value === 'boolean', 'a boolean'],
  fallback: isFunction,
}

/** The rules of a person. */
export const personRules: Readonly<Record<string, OptionRule>> = {
  consent: isFunction,
  introduction: isFunction,
  claims: isObject,
  tenant: isText,
  at: [(value) => isObject[0](value) && 'person' in (value as object), 'a person server of the town'],
}

/** The rules of an agent of a town. */
export const agentRules: Readonly<Record<string, OptionRule>> = {
  provider: isObject,
  person: [
    (value) => isObject[0](value) && 'ps' in (value as object) && 'consent' in (value as object),
    'what town.person(name) returned',
  ],
  alg: isText,
  onInteraction: isFunction,
  onClarification: isFunction,
  capabilities: [Array.isArray, 'a list'],
  mission: isText,
  justification: isText,
  maxSteps: [Number.isInteger, 'a whole number'],
}

/**
 * Checks the options of a function of the town, because a test with a misspelt option would pass for the wrong
 * reason. An `undefined` option is absent.
 *
 * @throws TypeError naming the option
 */
export function checkOptions(
  what: string,
  options: object,
  rules: Readonly<Record<string, OptionRule>>,
): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${what}: options must be an object`)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined)
      throw new TypeError(`${what}: ${name} is not known; there are ${Object.keys(rules).join(', ')}`)
    const [is, expected] = rule
    if (value !== undefined && !is(value)) throw new TypeError(`${what}: ${name} must be ${expected}`)
  }
}

/** @throws TypeError for an invalid host name or port */
export function checkRoute(host: string, port: number | undefined): void {
  if (typeof host !== 'string' || host === '' || /[\s/:@?#A-Z]/.test(host))
    throw new TypeError(
      `town.route: the host must be a lower-case name as 'notes.example', not ${String(host)}`,
    )
  const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536
  if (port !== undefined && !isPort)
    throw new TypeError(`town.route: the port of ${host} must be a whole number from 1 to 65535`)
}

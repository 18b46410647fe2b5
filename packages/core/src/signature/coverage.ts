import type { Item } from 'structured-headers'
import { Refusal, refuse } from '../errors.js'
import { serialiseComponent } from './components.js'

/** `invalid_input` unless every required component is covered, compared as a whole identifier (H-41). */
export function checkCoverage(covered: readonly Item[], required: readonly string[]): Refusal | undefined {
  const bare = new Set(covered.filter(([, parameters]) => parameters.size === 0).map(([name]) => name))
  if (required.every((name) => bare.has(name))) return undefined
  return new Refusal('invalid_input', {
    detail: 'The signature does not cover a required component',
    requiredInput: required,
  })
}

/** Checks the form of the list: lower-case names, no duplicates, no `@signature-params` (RFC 9421, 2 and 2.5). */
export function checkComponentList(covered: readonly Item[]): Refusal | undefined {
  const seen = new Set<string>()
  for (const component of covered) {
    const [name, parameters] = component
    if (typeof name !== 'string' || !componentName.test(name) || name === '@signature-params') {
      return refuse('invalid_signature', 'A covered component is no valid component identifier')
    }
    // The order of parameters does not make two identifiers different.
    const sorted = new Map([...parameters].sort(([a], [b]) => (a < b ? -1 : 1)))
    const identity = serialiseComponent([name, sorted])
    if (seen.has(identity)) return refuse('invalid_signature', 'A component is covered twice')
    seen.add(identity)
  }
  return undefined
}

const componentName = /^@?[a-z0-9!#$%&'*+.^_`|~-]+$/

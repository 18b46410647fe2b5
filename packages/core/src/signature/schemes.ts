import type { Item } from 'structured-headers'
import { type Refusal, refuse } from '../errors.js'
import { isServerIdentifier } from '../identifiers.js'
import { PresentedJwt, type ReadKey, type SchemeName } from './key-scheme.js'

type Parameters = Item[1]
type ReadScheme = (parameters: Parameters) => ReadKey | Refusal

// Unknown parameters are ignored. The actual case is `;cache` on a server that caches no assertions (K-101).
const schemes: ReadonlyMap<string, ReadScheme> = new Map<string, ReadScheme>([
  ['jwt', readJwt],
  ['jwks_uri', readJwksUri],
])

/** Reads the parameters of an accepted scheme. */
export function readScheme(name: SchemeName, parameters: Parameters): ReadKey | Refusal {
  return (schemes.get(name) as ReadScheme)(parameters)
}

function readJwt(parameters: Parameters): ReadKey | Refusal {
  const jwt = parameters.get('jwt')
  return typeof jwt === 'string'
    ? new PresentedJwt(jwt)
    : refuse('invalid_jwt', 'Signature-Key has no jwt parameter')
}

// The document names of AAuth 11.3.2, checked before any URL is built from them.
const documents: ReadonlySet<unknown> = new Set([
  'aauth-agent.json',
  'aauth-person.json',
  'aauth-access.json',
  'aauth-resource.json',
])

function readJwksUri(parameters: Parameters): ReadKey | Refusal {
  const id = parameters.get('id')
  const dwk = parameters.get('dwk')
  const kid = parameters.get('kid')
  if (!isServerIdentifier(id)) return refuse('invalid_key', 'id of Signature-Key is not a server identifier')
  if (typeof dwk !== 'string' || !documents.has(dwk))
    return refuse('invalid_key', 'dwk of Signature-Key is not the name of an AAuth metadata document')
  if (typeof kid !== 'string' || kid === '') return refuse('invalid_key', 'Signature-Key has no kid')
  return { scheme: 'jwks_uri', id, dwk, kid }
}

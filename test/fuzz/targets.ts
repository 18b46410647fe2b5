import { issuers, metadata } from './documents.js'
import { endpoints } from './endpoints.js'
import { digest, ed25519, fields } from './parsers.js'
import { capture, claims, request, token } from './requests.js'
import type { Target } from './target.js'

/** All of them, by name. */
export const targets: ReadonlyMap<string, Target> = new Map(
  [fields, request, token, claims, issuers, metadata, digest, ed25519, capture, endpoints].map((target) => [
    target.name,
    target,
  ]),
)

import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { Denials } from '../denial/denials.js'
import type { Revocations } from '../revocation/revocations.js'

// The request path checks values it has read and verified. An operator's argument may be anything, and "nobody is
// denied" would be the wrong answer to a typing error.
const named = z.object({
  iss: z.string('must be the issuer of the token'),
  jti: z.string('must be the name of the token'),
})
const callerSchema = z.looseObject(
  {
    kind: z.enum(
      ['agent', 'person', 'grant'],
      'must be agent, person or grant: of a session ask for caller.by',
    ),
    jkt: z.string('must be the thumbprint of the key'),
    token: named,
  },
  'must be called with a caller, such as req.aauth',
)

/** {@link Denials} for operators: arguments are checked. */
export function operatorDenials(denials: Denials): Denials {
  return {
    ...denials,
    find(caller) {
      checkArgument(callerSchema, caller, 'denials.find: ')
      return denials.find(caller)
    },
  }
}

/** {@link Revocations} for operators: arguments are checked. */
export function operatorRevocations(revocations: Revocations): Revocations {
  return {
    record: (revocation) => revocations.record(revocation),
    has(token) {
      checkArgument(named, token, 'revocations.has: ')
      return revocations.has(token)
    },
  }
}

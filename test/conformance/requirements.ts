import type { Part } from './requirement.js'
import { answers } from './requirements/answers.js'
import { issuers } from './requirements/issuers.js'
import { messageSignatures } from './requirements/message-signatures.js'
import { metadata } from './requirements/metadata.js'
import { rest } from './requirements/rest.js'
import { signature } from './requirements/signature.js'
import { signatureKey } from './requirements/signature-key.js'
import { state } from './requirements/state.js'
import { tokens } from './requirements/tokens.js'
import { waiting } from './requirements/waiting.js'

/**
 * Every requirement on a resource: of AAuth (draft-hardt-oauth-aauth-protocol-11), of Signature-Key
 * (draft-hardt-httpbis-signature-key-09) and of RFC 9421.
 */
export const parts: readonly Part[] = [
  ...metadata,
  ...signature,
  ...issuers,
  ...tokens,
  ...answers,
  ...waiting,
  ...state,
  ...rest,
  ...signatureKey,
  ...messageSignatures,
]

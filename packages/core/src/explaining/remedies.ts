/** What the caller can do, by code and requirement. The texts are those of docs/errors.md, which a test compares. */
export const remedies: ReadonlyMap<string, string> = new Map([
  [
    'not-signed',
    'Use a library for AAuth agents: @countersign/agent meets every requirement below by itself. By hand: make a key pair, get the token that AAuth-Requirement names, cover @method, @authority, @path and signature-key with the signature, and add what /.well-known/aauth-resource.json of this API says (additional_signature_components).',
  ],
  [
    'agent-token',
    'Sign the request with the key of an agent token, typ aa-agent+jwt, from your agent provider, with that token in Signature-Key (AAuth 5.3).',
  ],
  [
    'person-token',
    'Ask the person’s server for a person token with this resource as audience (AAuth 6.1), and sign again with it.',
  ],
  [
    'auth-token',
    'Take the resource token in AAuth-Requirement to the server in its aud, which asks the person where it has to, and sign again with the auth token that you get (AAuth 6.4, 9.4). Do it on every such answer: the next may ask for more scopes.',
  ],
  [
    'user_required',
    'As auth-token: take the resource token in AAuth-Requirement to the server in its aud. Its interaction claim has that server send the person to a page of this API once, where they sign in and connect their account; declare interaction as a capability there, and show the person the link that you are given (AAuth 7.2.3).',
  ],
  [
    'invalid_signature',
    'Sign again, now: over the method, the authority of the resource’s identifier, and the path and query exactly as they are sent. Clients that normalise URLs after signing break their own signatures. Do not resend the same signature after the window (signature_window of the metadata, 60 seconds by default).',
  ],
  [
    'invalid_input',
    'Sign again and cover at least what required_input lists. It is the whole list, not the difference.',
  ],
  [
    'clock_skew',
    'Compare your clock with the Date of the answer, correct it by the difference, and sign again. If iat was ahead, it is the issuer’s clock.',
  ],
  ['unsupported_scheme', 'Use one of Accept-Signature-Scheme.'],
  [
    'unsupported_algorithm',
    'Get a token for a key of an algorithm in Accept-Signature-Alg, with exactly that name in its alg.',
  ],
  ['invalid_key', 'Make a new key pair. A published private member means that the old one is lost.'],
  [
    'unknown_key',
    'Get a new token. If the issuer has just rotated its keys, the next one works; one refresh a minute is made on our side.',
  ],
  [
    'invalid_jwt',
    'Get a new token, for this resource. If an AAuth-Requirement is on the answer, begin with the token it names.',
  ],
  ['expired_jwt', 'Get a new token.'],
  [
    'revoked_jwt',
    'Drop it. After an auth token, AAuth-Requirement sends you back to the person server for a person token; the person may have said no for good.',
  ],
  ['issuer_missing', 'Nothing; it is for the issuer to correct.'],
  ['issuer_mismatch', 'Nothing; it is for the issuer to correct.'],
  ['invalid_request', 'Send the target in origin form and one Host.'],
  ['invalid_scope', 'Ask for scopes of the metadata.'],
  ['invalid_account', 'Ask the person which account is meant.'],
  ['access_denied', 'Do not try again with the same request.'],
  ['content_too_large', 'Send less, or do not cover content-digest where the route does not ask for it.'],
  ['unsupported_iss', 'Nothing; revocations go to the resources that a token was issued for.'],
  ['rate_limited', 'Try again after Retry-After.'],
  [
    'not_found',
    'Poll with the key that made the request, at the Location of its answer. Otherwise begin anew.',
  ],
  ['gone', 'Make the request again if its outcome is still wanted.'],
  ['denied', 'Stop polling, and do not ask again for the same thing.'],
  ['abandoned', 'Stop polling. Asking again is reasonable once the person is back.'],
  ['revoked', 'Stop polling, and begin again from the token that is asked for.'],
  ['expired', 'Make the request again.'],
  ['invalid_code', 'Make the request again; it brings a new code.'],
  ['slow_down', 'Wait five seconds longer between polls (AAuth 11.9.4).'],
  ['issuer_unavailable', 'Keep the token and try again after Retry-After.'],
  ['store_unavailable', 'Try again after Retry-After.'],
  ['policy_unavailable', 'Try again after Retry-After.'],
  ['overloaded', 'Try again after Retry-After.'],
  ['interaction_required', 'Declare interaction in AAuth-Capabilities, if a person can be sent to a page.'],
  ['invalid_upstream_token', 'Get a new token and call again, once.'],
  ['as_unreachable', 'Try again later.'],
  ['supplier_failed', 'Nothing; trying again will hardly help.'],
  [
    'supplier_unavailable',
    'Try again after Retry-After. A call that changes something may have been carried out.',
  ],
  ['server_error', 'Try again later, once.'],
])

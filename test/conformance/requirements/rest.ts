import { notOurs, type Part, row } from '../requirement.js'

const issuersRule = (text: string) => notOurs(`A rule for ${text}.`)

/** X to AB: capabilities, errors, call chaining, sub-agents, and what the security considerations ask of code. */
export const rest: readonly Part[] = [
  {
    letter: 'X',
    title: 'AAuth-Capabilities',
    rows: [
      row('R-296', '11.7', 'DEF', 'The field is a List of Tokens.'),
      row('R-297', '11.7', 'MUST', 'Values and parameters nobody knows are ignored.'),
      row('R-298', '11.7', 'MUST NOT', 'No field, no capability.'),
      row('R-299', '11.7', 'DEF', 'It says which requirements make sense, and its absence is no error.'),
      row('R-300', '11.7', 'DEF', 'Toward a person server it is a member of the body.'),
    ],
  },
  {
    letter: 'Y',
    title: 'Error format',
    rows: [
      row('R-301', '11.9.2', 'MUST', 'Error bodies are problem+json with the member error.'),
      row('R-302', '11.9.2', 'MAY', 'Other members of problem details may be there.'),
      row('R-303', '11.9.1', 'DEF', 'The field says what failed; the body only explains.'),
      row(
        'R-304',
        '11.9.3',
        'DEF',
        'Codes that name body parameters are not for the token in Signature-Key.',
      ),
      row('R-305', '7.3.1', 'DEF', 'Errors at a callback and errors of a poll have different names.'),
    ],
  },
  {
    letter: 'Z',
    title: 'Call chaining',
    rows: [
      row('R-306', '10.1.1.1', 'MUST', 'An intermediary is its own agent provider.'),
      row('R-307', '10.1.1.1', 'MUST', 'It signs with an agent token it gave itself.'),
      row('R-308', '10.1.1.1', 'MAY', 'One agent identifier may do for all calls.'),
      row('R-309', '10.1.1', 'DEF', 'The upstream token is one that a served request carried.'),
      row('R-310', '10.1.1', 'DEF', 'The person server is the one the upstream token names.'),
      row(
        'R-311',
        '10.1.1',
        'DEF',
        'First a person token for the next resource, then its resource token is redeemed.',
      ),
      row(
        'R-312',
        '10.1.1',
        'MUST',
        'These calls are signed under jwt; the upstream token stays in the body.',
      ),
      row('R-313', '11.3.3.1', 'MUST', 'Their content is covered.'),
      row('R-314', '10.1.1', 'MAY', 'One upstream token may serve many calls.'),
      row('R-315', '10.1.1', 'DEF', 'Downstream tokens end with the upstream one.'),
      row('R-316', '10.1.2', 'MUST', 'An interaction downstream becomes one of our own for the caller.'),
      row('R-317', '7.3.1', 'MUST', 'An error at our callback is passed on and completes nothing.'),
      row('R-318', '10.1.1.2', 'MUST NOT', 'The upstream sub goes no further.'),
      row('R-319', '6.7.3', 'DEF', 'The downstream resource token is checked before it is redeemed.'),
      row('R-320', '9.1.3', 'MUST', 'The downstream grant is checked before it is used.'),
      row('R-321', '9.4.5', 'DEF', 'The errors of the person server for upstream tokens are expected.'),
      row('R-322', '10.1.1.2', 'DEF', 'Downstream scopes need not be upstream ones.'),
      row('R-323', '8.2', 'DEF', 'The mission travels in the upstream token.'),
      row('R-324', '11.12.4', 'DEF', 'A revoked upstream token is used no more.'),
    ],
  },
  {
    letter: 'AA',
    title: 'Sub-agents',
    rows: [
      row('R-325', '10.2', 'DEF', 'A sub-agent’s token is an agent token with a well-formed parent_agent.'),
      row('R-326', '10.2.3', 'DEF', 'Its person and auth tokens look like any other.'),
      row('R-327', '10.2.3', 'DEF', 'A resource token is bound to the key that signed, whoever redeems it.'),
      row(
        'R-328',
        '10.2.2',
        'MUST NOT',
        'How deep sub-agents nest is not the resource’s to judge.',
        issuersRule('person servers and agent providers'),
      ),
    ],
  },
  {
    letter: 'AB',
    title: 'Security and privacy',
    rows: [
      row('R-329', '13.1', 'DEF', 'No token counts without a signature by its key.'),
      row('R-330', '13.3', 'MUST', 'Inputs are validated before use and escaped before they are shown.'),
      row('R-331', '13.2', 'MUST', 'Pending URLs are as part P says.'),
      row('R-332', '13.7', 'MUST', 'The resource judges a person server’s claims by its own policy.'),
      row('R-333', '13.8', 'DEF', 'No sub and no token is logged, refused requests included.'),
      row('R-334', '13.11', 'SHOULD', 'That a person token is no auth token is tested by itself.'),
      row('R-335', '13.17', 'SHOULD', 'Where durable audit is needed, what was verified is recorded.'),
      row(
        'R-336',
        '13.17',
        'MUST',
        'Such records have limits: of time, of who may read them, and by erasure.',
      ),
      row('R-337', '14.1', 'DEF', 'Thumbprints are not shown without need.'),
      row('R-338', '14.3', 'DEF', 'Of a mission only the hash is known.'),
      row('R-339', 'SK 8.1', 'SHOULD NOT', 'Who a client is is told to no third party.'),
      row(
        'R-340',
        '13.9',
        'DEF',
        'Age or residence come from asserted claims only.',
        notOurs('A rule for what applications conclude from a person token.'),
      ),
      row('R-341', 'SK 8.3', 'DEF', 'Of a token only what is needed is used, and nothing is kept.'),
      row('R-342', 'C.2.4', 'DEF', 'Query and body are protected only where the resource announces it.'),
    ],
  },
]

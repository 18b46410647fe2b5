import { notOurs, type Part, row } from '../requirement.js'

/** A: what the resource publishes about itself. B: what identifiers and URLs look like. */
export const metadata: readonly Part[] = [
  {
    letter: 'A',
    title: 'Metadata document and key publication',
    rows: [
      row(
        'R-001',
        '11.2.4',
        'MAY',
        'The resource publishes aauth-resource.json below its origin’s /.well-known/.',
      ),
      row(
        'R-002',
        '11.2.4',
        'MUST',
        'The document’s issuer is the resource identifier, to the byte, and is the iss of every resource token.',
      ),
      row(
        'R-003',
        '11.2.4',
        'MUST',
        'A resource that signs anything publishes jwks_uri; one that only verifies may leave it out.',
      ),
      row(
        'R-004',
        '11.4',
        'MUST',
        'Each published key says its fully specified alg; polymorphic, symmetric and none never appear.',
      ),
      row('R-005', '11.2.4', 'MAY', 'access_mode is one of the four registered values.'),
      row(
        'R-006',
        '11.2.4',
        'DEF',
        'access_mode binds nothing: each route answers with the requirement it has.',
      ),
      row('R-007', '11.2.4', 'DEF', 'access_mode auth-token lets agents begin with a person token.'),
      row(
        'R-008',
        '11.2.4',
        'MAY/MUST',
        'An announced authorization_endpoint is https without query and fragment; none is announced where there is none.',
      ),
      row(
        'R-009',
        '11.2.4',
        'MAY/MUST',
        'scope_descriptions explains every scope that a resource token may name.',
      ),
      row(
        'R-010',
        '11.2.4',
        'MAY',
        'signature_window is announced as it is enforced; 60 seconds unless configured.',
      ),
      row(
        'R-011',
        '11.2.4',
        'MAY',
        'Components demanded beyond the base are announced in additional_signature_components.',
      ),
      row(
        'R-012',
        '11.2.4',
        'SHOULD',
        'A resource that takes person tokens announces a revocation_endpoint.',
      ),
      row('R-013', '11.2', 'MAY', 'accept_signature_algs, where sent, is the accepted set itself.'),
      row('R-014', '11.2', 'MAY/MUST', 'Display fields are optional, and their URLs are https.'),
      row('R-015', '11.2', 'DEF', 'Member names are AAuth’s own, not those of protected-resource metadata.'),
      row(
        'R-016',
        '12.1.1',
        'SHOULD',
        'For use without prior integration, publish access_mode and a vocabulary.',
        notOurs('The vocabulary is the R3 companion draft’s; access_mode is proved by R-005.'),
      ),
      row(
        'R-017',
        '11.2.5',
        'SHOULD',
        'The documentation page links to the metadata: the element for it is at hand.',
      ),
      row('R-018', '11.2.5', 'MAY', 'Responses may link to the metadata.'),
      row('R-019', '11.2.5', 'MUST', 'Such a link names the metadata document exactly.'),
      row(
        'R-020',
        '11.2.5',
        'MUST NOT',
        'No link is ever a source of keys, nor a substitute for a requirement.',
      ),
      row('R-021', '11.1.2', 'MUST', 'Every URL the metadata publishes is https.'),
      row('R-022', '11.2.4', 'DEF', 'login_endpoint is gone and is not published.'),
    ],
  },
  {
    letter: 'B',
    title: 'Identifiers and URLs',
    rows: [
      row(
        'R-023',
        '11.1.1',
        'MUST',
        'A server identifier is https and a lower-case host name, and nothing more.',
      ),
      row(
        'R-024',
        '11.1.1',
        'MUST',
        'Server identifiers are equal when their bytes are; nothing is normalised first.',
      ),
      row(
        'R-025',
        '5.2',
        'MUST',
        'An agent identifier is aauth:local@domain with a bounded alphabet for the local part.',
      ),
      row('R-026', '5.2', 'MUST', 'Agent identifiers keep their case and compare exactly.'),
      row(
        'R-027',
        '5.2',
        'MUST NOT',
        'Nothing is concluded from the local part; a plus sign in it is just a character.',
      ),
      row(
        'R-028',
        '11.1.2',
        'MUST',
        'Endpoint URLs read from other parties’ metadata are https without query and fragment.',
      ),
      row(
        'R-029',
        '11.1.2',
        'MAY',
        'A loopback callback is admitted when the agent provider’s metadata allows it.',
      ),
      row('R-030', '11.6.3', 'MUST', 'The URL of an interaction is https without query and fragment.'),
      row('R-031', '8.2', 'DEF', 'mission_s256 is opaque here and is copied as it came.'),
    ],
  },
]

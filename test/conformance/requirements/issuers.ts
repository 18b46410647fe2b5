import { type Part, row } from '../requirement.js'

/** F and G: how issuers' keys are found, and what a fetch may not be talked into. */
export const issuers: readonly Part[] = [
  {
    letter: 'F',
    title: 'Discovery of issuers’ keys',
    rows: [
      row(
        'R-076',
        '11.4',
        'MUST',
        'Keys come from the issuer’s well-known document, its jwks_uri and the kid; from nowhere else.',
      ),
      row(
        'R-077',
        '11.2',
        'MUST',
        'A document without issuer, or with another one, is refused with its own code.',
      ),
      row('R-078', 'SK 3.6', 'MUST', 'A document without jwks_uri gives no key.'),
      row('R-079', '11.4', 'MUST', 'Keys of a set that were not asked for may be unusable without harm.'),
      row('R-080', '11.4', 'MUST', 'Key sets are cached.'),
      row('R-081', '11.4', 'SHOULD', 'Cache headers decide how long.'),
      row('R-082', '11.4', 'SHOULD', 'An unknown kid brings a refresh.'),
      row('R-083', '11.4', 'MUST NOT', 'No issuer is asked more than once a minute, failures counted.'),
      row(
        'R-084',
        '11.4',
        'SHOULD',
        'While fetches fail, cached keys go on being used, and attempts grow rarer.',
      ),
      row('R-085', '11.4', 'SHOULD', 'After a day a cached set is gone, whatever its headers said.'),
      row(
        'R-086',
        '11.4',
        'SHOULD',
        'A cached key that fails a token is refreshed once: gone is unknown_key, still failing is invalid_jwt.',
      ),
      row('R-087', 'SK 7.2', 'MUST', 'The cache is bounded, since strangers fill it.'),
      row('R-088', '4.3', 'DEF', 'Documents of one origin are cached apart.'),
      row('R-089', 'SK 8.2', 'DEF', 'Caching also keeps issuers from learning of each use.'),
    ],
  },
  {
    letter: 'G',
    title: 'Egress admission',
    rows: [
      row('R-090', '11.4', 'MUST', 'Every fetch of a stranger’s choosing is admitted first.'),
      row('R-091', 'SK 7.3', 'MUST', 'Only https is fetched.'),
      row('R-092', 'SK 7.3', 'MUST', 'Size and time of a fetch are limited.'),
      row('R-093', 'SK 7.3', 'MUST', 'Redirects are not followed.'),
      row(
        'R-094',
        'SK 7.3',
        'MUST',
        'Private, loopback and link-local addresses are refused unless the operator admits the host.',
      ),
      row('R-095', 'SK 7.3', 'MUST', 'The address that was checked is the one connected to.'),
      row('R-096', 'SK 7.3', 'MUST', 'A jwks_uri on another host needs the operator’s word.'),
      row('R-097', '11.5.2', 'DEF', 'iss and dwk pass their grammar before a URL is made of them.'),
      row('R-098', 'SK 7.3', 'SHOULD', 'A list of admitted issuers is consulted where there is one.'),
      row('R-099', '13.16', 'MUST', 'TLS 1.2 or later.'),
    ],
  },
]

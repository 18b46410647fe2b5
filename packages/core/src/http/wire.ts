import { type Refusal, refuse } from '../errors.js'
import { fieldLines, type HttpRequest, trimField } from './message.js'

// A uri-host (RFC 9110, 7.2) that all parsers read alike. Names with `_` are common inside networks, where proxies
// send the upstream's name. A comma would make a list, and a percent sign another spelling of the same name.
const hostField =
  /^[A-Za-z0-9._~!$&'()*+;=-]+(?::[0-9]{0,5})?$|^\[[0-9a-fA-F:.]+(?:%[A-Za-z0-9._~%-]+)?\](?::[0-9]{0,5})?$/

/**
 * Refuses requests that Node and the frameworks accept but that no conforming agent sends: targets that are routed
 * differently than they are signed, and several hosts (RFC 9112, 3.2; H-11, H-21). It comes before the signature is
 * read, so the answer has no `Signature-Error`.
 */
export function checkWire(request: HttpRequest): Refusal | undefined {
  const { target, rawHeaders } = request
  if (!target.startsWith('/') || target.startsWith('//') || target.includes('#')) {
    return refuse(
      'invalid_request',
      'The request target must be an absolute path, with one slash at the beginning and no fragment',
    )
  }
  const hosts = [...fieldLines(rawHeaders, 'host'), ...fieldLines(rawHeaders, ':authority')]
  if (new Set(hosts).size !== 1 || fieldLines(rawHeaders, 'host').length > 1) {
    return refuse('invalid_request', 'The request must name exactly one host')
  }
  return hostField.test(trimField(hosts[0] as string))
    ? undefined
    : refuse('invalid_request', 'Host must be a name or an IP address, with or without a port')
}

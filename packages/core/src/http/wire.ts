import { type Refusal, refuse } from '../errors.js'
import { fieldLines, type HttpRequest, trimField } from './message.js'

// A uri-host (RFC 9110, 7.2) that everybody reads alike. Names with `_` are usual inside of networks: proxies send the
// name of the upstream. A comma would be a list, a percent sign another spelling of something else.
const hostField =
  /^[A-Za-z0-9._~!$&'()*+;=-]+(?::[0-9]{0,5})?$|^\[[0-9a-fA-F:.]+(?:%[A-Za-z0-9._~%-]+)?\](?::[0-9]{0,5})?$/

/**
 * What Node and the frameworks pass on but no conforming agent sends: targets that are routed otherwise than they are
 * signed, and a host that is said twice (RFC 9112, 3.2; H-11, H-21). Judged before any signature, so without
 * `Signature-Error`.
 */
export function checkWire(request: HttpRequest): Refusal | undefined {
  const { target, rawHeaders } = request
  if (!target.startsWith('/') || target.startsWith('//') || target.includes('#')) {
    return refuse('invalid_request', 'The request target is not an absolute path')
  }
  const hosts = [...fieldLines(rawHeaders, 'host'), ...fieldLines(rawHeaders, ':authority')]
  if (new Set(hosts).size !== 1 || fieldLines(rawHeaders, 'host').length > 1) {
    return refuse('invalid_request', 'The request names no host, or several')
  }
  return hostField.test(trimField(hosts[0] as string))
    ? undefined
    : refuse('invalid_request', 'Host is malformed')
}

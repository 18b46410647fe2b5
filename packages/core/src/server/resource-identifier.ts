import { isServerIdentifier } from '../identifiers.js'

const rule = 'must be a server identifier: https, host only, lower case, no port, no trailing slash'

/**
 * What is wrong with a resource identifier, for the operator; `undefined` if it is valid. The usual mistake is to
 * give the address that the server listens on.
 */
export function resourceFault(given: unknown): string | undefined {
  if (isServerIdentifier(given)) return undefined
  if (typeof given !== 'string' || !/^https?:\/\//i.test(given) || !URL.canParse(given)) {
    const like = typeof given === 'string' && /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(given)
    return like && isServerIdentifier(`https://${given}`) ? `${rule}: write 'https://${given}'` : rule
  }
  const { hostname, protocol, port } = new URL(given)
  const near = `https://${hostname}`
  if (isServerIdentifier(near) && hostname !== 'localhost') {
    if (protocol === 'https:') return `${rule}: write '${near}'`
    return `${rule}: write '${near}'. ${transport(port)}`
  }
  return `${rule}. That is where the server listens, not what it is called: identifiers are https names even in development. Write 'https://localhost.example' or the name it will have, as 'https://notes.example'. ${transport(port)}`
}

function transport(port: string): string {
  return `It may listen on plain http at any address: agents of the devkit reach it by town.route(host, ${port === '' ? 3000 : port}), others through a proxy with TLS`
}

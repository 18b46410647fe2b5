/** Whether `value` is a server identifier (AAuth 11.1.1): `https://` and a lower-case host name, nothing else. */
export function isServerId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^https:\/\/(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z][a-z0-9-]*$/.test(value)
  )
}

/** The host of an agent identifier (AAuth 5.2); `undefined` when it is none. */
export function agentDomain(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const domain = /^aauth:[A-Za-z0-9._+-]{1,255}@(.+)$/s.exec(value)?.[1]
  return domain !== undefined && isServerId(`https://${domain}`) ? domain : undefined
}

/** Whether `value` is an endpoint URL (AAuth 11.1.2): `https`, no query, no fragment. */
export function isEndpoint(value: unknown): value is string {
  return typeof value === 'string' && /^https:\/\/[^/?#\s@\\]+(?:\/[^?#\s\\]*)?$/.test(value)
}

import { fieldLines, type HttpRequest, hasBody, trimField } from '../http/message.js'

/** The components that every AAuth signature covers (11.3.3.1). */
export const baseComponents: readonly string[] = ['@method', '@authority', '@path', 'signature-key']

/** Components that only a request with content has to cover (G-25). */
export const bodyComponents: ReadonlySet<string> = new Set([
  'content-type',
  'content-digest',
  'content-length',
])

/**
 * All components that this request must cover: the base components, those that the endpoint adds, and `authorization`
 * if a session token is sent (6.3). A required component must be bare: `"signature-key";key="sig"` covers less.
 */
export function requiredComponents(
  request: Pick<HttpRequest, 'rawHeaders' | 'hasContent'>,
  additional: readonly string[],
): string[] {
  const withBody = hasBody(request)
  const required = [...baseComponents]
  for (const name of additional) {
    if (!required.includes(name) && (withBody || !bodyComponents.has(name))) required.push(name)
  }
  if (sendsSession(request.rawHeaders) && !required.includes('authorization')) required.push('authorization')
  return required
}

function sendsSession(rawHeaders: readonly string[]): boolean {
  return fieldLines(rawHeaders, 'authorization').some((line) => /^aauth(?:[ \t]|$)/i.test(trimField(line)))
}

/** Whether a name can be a required component: a field, or a derived component of requests without parameters. */
export function isRequirableComponent(name: string): boolean {
  return requirable.test(name)
}

const requirable =
  /^(?:@(?:method|authority|path|query|scheme|target-uri|request-target)|[a-z0-9!#$%&'*+.^_`|~-]+)$/

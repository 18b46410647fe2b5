import type { RawRequest } from './wire.js'

// RFC 9421 once more, independent of the library under test: no parser, no serialiser, only text. What is hostile here
// is said as text, and what is honest is signed as the RFC reads.

/** How to sign a request; what is not given is honest. */
export interface Signing {
  readonly key: { sign(data: Uint8Array): Uint8Array | Promise<Uint8Array> }
  /** Component identifiers as they stand in `Signature-Input`, quotes and parameters included. */
  readonly components: readonly string[]
  /** The parameters after the list: `;created=1`. */
  readonly parameters: string
  readonly label: string
  /** The member of `Signature-Key`: `jwt;jwt="…"`. */
  readonly signatureKey: string
  /** Values of components that this file cannot know, by identifier. */
  readonly values?: Readonly<Record<string, string>>
  /** `@signature-params` as signed, where it differs from what is sent. */
  readonly signedParameters?: string
}

/** The base components of AAuth. */
export const base: readonly string[] = ['"@method"', '"@authority"', '"@path"', '"signature-key"']

/** The three fields, in the order in which they are made. */
export async function signatureFields(
  request: RawRequest,
  signing: Signing,
): Promise<readonly (readonly [string, string])[]> {
  const { label, components, parameters, signedParameters } = signing
  const key = ['Signature-Key', `${label}=${signing.signatureKey}`] as const
  const list = `(${components.join(' ')})${parameters}`
  const signed: RawRequest = { ...request, headers: [...request.headers, key] }
  const text = signatureBase(signed, components, signedParameters ?? list, signing.values)
  const signature = await signing.key.sign(Buffer.from(text, 'latin1'))
  return [
    ['Signature-Input', `${label}=${list}`],
    ['Signature', `${label}=:${Buffer.from(signature).toString('base64')}:`],
    key,
  ]
}

/** The signature base (RFC 9421, 2.5). */
function signatureBase(
  request: RawRequest,
  components: readonly string[],
  signatureParameters: string,
  values: Readonly<Record<string, string>> = {},
): string {
  const lines = components.map(
    (component) => `${component}: ${values[component] ?? componentText(component, request)}`,
  )
  return [...lines, `"@signature-params": ${signatureParameters}`].join('\n')
}

const authority = 'rs.example'

function componentText(component: string, { method, target, headers }: RawRequest): string {
  const question = target.indexOf('?')
  switch (component) {
    case '"@method"':
      return method
    case '"@authority"':
      return authority
    case '"@scheme"':
      return 'https'
    case '"@path"':
      return question === -1 ? target : target.slice(0, question)
    case '"@query"':
      return question === -1 ? '?' : target.slice(question)
    case '"@target-uri"':
      return `https://${authority}${target}`
    case '"@request-target"':
      return target
    default: {
      const lines = headers.filter(([name]) => `"${name.toLowerCase()}"` === component)
      return lines.map(([, value]) => value.replace(/^[ \t]+|[ \t]+$/g, '')).join(', ')
    }
  }
}

import { type InnerList, serializeInnerList } from 'structured-headers'
import { Components, serialiseComponent, UnresolvedComponent } from './components.js'
import type { SignatureContext } from './context.js'

/**
 * The signature base (RFC 9421, 2.5) as bytes. `input` is the member of `Signature-Input`: its components in order
 * and its parameters, strictly serialised, unknown ones included.
 */
export function signatureBase(input: InnerList, context: SignatureContext): Buffer | UnresolvedComponent {
  const components = new Components(context)
  let base = ''
  for (const component of input[0]) {
    const value = components.value(component)
    if (value instanceof UnresolvedComponent) return value
    const identifier = serialiseComponent(component)
    if (!isPrintable(value)) return new UnresolvedComponent(identifier)
    base += `${identifier}: ${value}\n`
  }
  return Buffer.from(`${base}"@signature-params": ${serializeInnerList(input)}`, 'latin1')
}

/** RFC 9421, 2.5 step 4: the base is ASCII, and no value contains a newline. */
export function isPrintable(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false
  }
  return true
}

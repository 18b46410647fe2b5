import fc from 'fast-check'
import type { HttpRequest } from '../http/message.js'

/** A small change to a text. */
export const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(100_000),
  remove: fc.nat(2),
  insert: fc.constantFrom('', '', ' ', 'x', '"', ';', ',', '(', '1', '.0', '=', 'sig'),
})

/** What to put where, and how much to take away there. */
interface Edit {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

/** The request with one thing changed: its method, its target, a field, or a line more of a field it has. */
export function change(
  sent: HttpRequest,
  which: string,
  { at, remove, insert }: Edit,
  line: string,
): HttpRequest {
  const splice = (text: string): string => {
    const index = at % (text.length + 1)
    return text.slice(0, index) + insert + text.slice(index + remove)
  }
  if (which === 'method') return { ...sent, method: 'PATCH' }
  if (which === 'target') return { ...sent, target: `/${splice(sent.target.slice(1)).replace(/^\/+/, '')}` }
  const rawHeaders = [...sent.rawHeaders]
  const index = at % (rawHeaders.length / 2)
  if (which === 'field') rawHeaders[index * 2 + 1] = splice(rawHeaders[index * 2 + 1] as string)
  if (which === 'line') rawHeaders.push(rawHeaders[index * 2] as string, line)
  return { ...sent, rawHeaders }
}

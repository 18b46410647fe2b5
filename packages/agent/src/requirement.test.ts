import { describe, expect, it } from 'vitest'
import { readRequirement, readSignatureError } from './requirement.js'

const requirement = (value: string) =>
  readRequirement(new Response(null, { headers: { 'aauth-requirement': value } }))
const signatureError = (value: string) =>
  readSignatureError(new Response(null, { headers: { 'signature-error': value } }))

describe('a requirement', () => {
  it('is read with its parameters', () => {
    expect(requirement('requirement=auth-token;resource-token="a.b.c";x=1, other=2')).toEqual({
      name: 'auth-token',
      parameters: Object.assign(Object.create(null), { 'resource-token': 'a.b.c' }),
    })
  })

  it.each([
    ['nothing', ''],
    ['no Dictionary', 'requirement='],
    ['a String', 'requirement="agent-token"'],
    ['an Inner List', 'requirement=(a b)'],
    ['another member', 'need=agent-token'],
    ['two that contradict each other in one field', 'requirement=agent-token requirement=person-token'],
    ['more than anybody reads', `requirement=agent-token;x="${'y'.repeat(16_384)}"`],
  ])('is none with %s', (_, value) => {
    expect(requirement(value)).toBeUndefined()
  })

  it('has no parameters but its own', () => {
    const { parameters } = requirement('requirement=interaction') ?? {}
    expect(parameters?.['constructor']).toBeUndefined()
    expect(Object.getPrototypeOf(parameters)).toBeNull()
  })
})

describe('a signature error', () => {
  it('is read with the components it asks for', () => {
    expect(
      signatureError('error=invalid_input, required_input=("@method" "@query-param";name="id" "x")'),
    ).toEqual({
      error: 'invalid_input',
      requiredInput: ['@method', '"@query-param";name="id"', 'x'],
    })
  })

  it.each(['', 'error', 'error="x"', 'error=?1', 'required_input=()'])('is none: %s', (value) => {
    expect(signatureError(value)).toBeUndefined()
  })
})

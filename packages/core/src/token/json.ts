import { fixedLimits } from '../limits.js'

/**
 * Parses a JSON object from a stranger: no duplicate members at any level (the last would silently win), no nesting
 * beyond 16 levels, no more than 12 288 members and elements. `undefined` for anything else. Members called `__proto__`
 * are left out: whoever copies an object with `Object.assign` would have a prototype from the stranger. The caller
 * bounds the length.
 */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  if (!isModest(text)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const members = judgeMembers(text)
    if (members === 'duplicate') return undefined
    return (members === 'fine' ? value : JSON.parse(text, withoutPrototype)) as Record<string, unknown>
  } catch {
    return undefined
  }
}

const withoutPrototype = (name: string, value: unknown): unknown => (name === '__proto__' ? undefined : value)

// Before JSON.parse: its recursion is native, and many small things cost more than their length says.
function isModest(text: string): boolean {
  let depth = 0
  let size = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) i = endOfString(text, i)
    else if (code === openBrace || code === openBracket) {
      if (++depth > fixedLimits.jsonDepth || ++size > fixedLimits.jsonSize) return false
    } else if (code === closeBrace || code === closeBracket) depth--
    else if (code === comma && ++size > fixedLimits.jsonSize) return false
  }
  return true
}

// The text is valid JSON here, so a string is a member name exactly when a colon follows it.
function judgeMembers(text: string): 'fine' | 'duplicate' | 'prototype' {
  const levels: Set<string>[] = []
  let verdict: 'fine' | 'prototype' = 'fine'
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === openBrace || code === openBracket) levels.push(new Set())
    else if (code === closeBrace || code === closeBracket) levels.pop()
    else if (code === quote) {
      const end = endOfString(text, i)
      if (isFollowedByColon(text, end + 1)) {
        const name = memberName(text.slice(i, end + 1))
        const names = levels.at(-1)
        if (names?.has(name)) return 'duplicate'
        if (name === '__proto__') verdict = 'prototype'
        names?.add(name)
      }
      i = end
    }
  }
  return verdict
}

// Only an escape can spell one name in two ways.
function memberName(quoted: string): string {
  return quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1)
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text.charCodeAt(i) !== quote) i += text.charCodeAt(i) === backslash ? 2 : 1
  return i
}

function isFollowedByColon(text: string, start: number): boolean {
  let i = start
  while (text.charCodeAt(i) === 0x20 || (text.charCodeAt(i) >= 0x09 && text.charCodeAt(i) <= 0x0d)) i++
  return text.charCodeAt(i) === colon
}

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

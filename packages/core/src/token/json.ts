import { fixedLimits } from '../limits.js'

/**
 * Parses a JSON object from a stranger: no duplicate members at any level (the last would silently win), no nesting
 * beyond 16 levels, no more than 12 288 members and elements. `undefined` for anything else. The caller bounds the length.
 */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  if (!isModest(text)) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return hasDuplicateMembers(text) ? undefined : (value as Record<string, unknown>)
}

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
function hasDuplicateMembers(text: string): boolean {
  const levels: Set<string>[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === openBrace || code === openBracket) levels.push(new Set())
    else if (code === closeBrace || code === closeBracket) levels.pop()
    else if (code === quote) {
      const end = endOfString(text, i)
      if (isFollowedByColon(text, end + 1)) {
        const name = memberName(text.slice(i, end + 1))
        const names = levels.at(-1)
        if (names?.has(name)) return true
        names?.add(name)
      }
      i = end
    }
  }
  return false
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

import type { CapturedFields } from './fields.js'

// Reads the `curl` commands that browsers and people write for one request. No maintained library does this: the two
// known ones bring a parser for the whole shell, or have not been updated for years.

/** Options that do not change what is signed. */
const ignored: ReadonlySet<string> = new Set([
  '-s',
  '--silent',
  '-S',
  '--show-error',
  '-v',
  '--verbose',
  '-i',
  '--include',
  '-k',
  '--insecure',
  '-L',
  '--location',
  '-f',
  '--fail',
  '-N',
  '--no-buffer',
  '--compressed',
  '--http1.1',
  '--http2',
  '-g',
  '--globoff',
  '--path-as-is',
])
/** Options that do not change what is signed and take a value. */
const ignoredWithValue: ReadonlySet<string> = new Set([
  '-o',
  '--output',
  '-m',
  '--max-time',
  '--connect-timeout',
  '-w',
  '--write-out',
  '--resolve',
  '--cacert',
])

/** @throws TypeError naming the part that is not supported */
export function readCurl(command: string): CapturedFields {
  const words = splitShell(command.replace(/^\s*\$ /, ''))
  const headers: [string, string][] = []
  const data: string[] = []
  let method: string | undefined
  let url: string | undefined
  const has = (name: string): boolean => headers.some(([other]) => other.toLowerCase() === name)
  for (let i = 1; i < words.length; i++) {
    const word = words[i] as string
    const [option, attached] = splitOption(word)
    const value = (): string => {
      const found = attached ?? words[++i]
      if (found === undefined) throw new TypeError(`explain: the curl option ${option} has no value`)
      return found
    }
    if (ignored.has(option)) continue
    if (ignoredWithValue.has(option)) value()
    else if (option === '-X' || option === '--request') method = value()
    else if (option === '-I' || option === '--head') method ??= 'HEAD'
    else if (option === '--url') url = value()
    else if (option === '-H' || option === '--header') headers.push(headerOf(value()))
    else if (option === '-A' || option === '--user-agent') headers.push(['User-Agent', value()])
    else if (option === '-e' || option === '--referer') headers.push(['Referer', value()])
    else if (option === '-b' || option === '--cookie') headers.push(['Cookie', value()])
    else if (['-d', '--data', '--data-ascii', '--data-binary', '--data-raw', '--json'].includes(option)) {
      const text = value()
      if (option !== '--data-raw' && text.startsWith('@'))
        throw new TypeError(
          'explain: the content is in a file; give the request in its parts, with the content as body',
        )
      data.push(text)
      if (option === '--json') headers.push(['Content-Type', 'application/json'])
    } else if (option.startsWith('-'))
      throw new TypeError(`explain: the curl option ${option.slice(0, 40)} is not understood`)
    else url = word
  }
  if (url === undefined) throw new TypeError('explain: the curl command names no URL')
  if (data.length > 0 && !has('content-type'))
    headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
  const body = data.length === 0 ? undefined : data.join('&')
  return {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    url: /^https?:/i.test(url) ? url : `https://${url}`,
    headers,
    ...(body === undefined ? {} : { body }),
  }
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':')
  if (colon < 1) throw new TypeError('explain: a curl option -H has no header field')
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}

/** Splits `--name=value` and `-Xvalue` into option and value. */
function splitOption(word: string): [option: string, value: string | undefined] {
  const long = /^(--[a-z0-9.-]+)=(.*)$/s.exec(word)
  if (long !== null) return [long[1] as string, long[2]]
  return /^-[XHdAbeomw]./s.test(word) ? [word.slice(0, 2), word.slice(2)] : [word, undefined]
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  e: '\x1b',
  '0': '\0',
}

/** The words of a POSIX shell command, with its quotes and `$'…'`. Nothing is expanded. */
function splitShell(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  const pattern = /\$'((?:[^'\\]|\\.)*)'|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(\r?\n|.)|(\s+)|([^\s'"\\]+)/gsy
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text)
    if (found === null) throw new TypeError('explain: a quote of the curl command is not closed')
    const [, ansi, single, double, escaped, space, plain] = found
    if (space !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (escaped !== undefined) {
      if (!escaped.endsWith('\n')) word = (word ?? '') + escaped
    } else
      word =
        (word ?? '') +
        (single ??
          plain ??
          double?.replace(/\\(["\\$`])/g, '$1').replace(/\\\r?\n/g, '') ??
          unescaped(ansi as string))
  }
  if (word !== undefined) words.push(word)
  return words
}

function unescaped(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{1,2})|(.))/gs,
    (_, u?: string, x?: string, one?: string) => {
      const code = u ?? x
      return code === undefined
        ? (escapes[one as string] ?? (one as string))
        : String.fromCharCode(Number.parseInt(code, 16))
    },
  )
}

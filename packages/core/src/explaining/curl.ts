import type { CapturedFields } from './fields.js'

// Reads the `curl` commands that browsers and people write for one request. No maintained library does this: the two
// known ones bring a parser for the whole shell, or have not been updated for years.

/** What the options say of the request. */
interface Read {
  readonly headers: [string, string][]
  readonly data: string[]
  method?: string
  url?: string
}

/** Options that do not change what is signed. */
const ignored: ReadonlySet<string> = new Set(
  `-s --silent -S --show-error -v --verbose -i --include -k --insecure -L --location -f --fail -N --no-buffer
  --compressed --http1.1 --http2 -g --globoff --path-as-is`.split(/\s+/),
)

const ignoreValue = (): void => {}
const readMethod = (read: Read, value: string): void => {
  read.method = value
}
const readUrl = (read: Read, value: string): void => {
  read.url = value
}
const readHeader = (read: Read, value: string): void => void read.headers.push(headerOf(value))
const readField =
  (name: string) =>
  (read: Read, value: string): void =>
    void read.headers.push([name, value])
const readRaw = (read: Read, value: string): void => void read.data.push(value)

function readData(read: Read, value: string): void {
  if (value.startsWith('@'))
    throw new TypeError(
      'explain: the content is in a file; give the request in its parts, with the content as body',
    )
  readRaw(read, value)
}

function readJson(read: Read, value: string): void {
  readData(read, value)
  read.headers.push(['Content-Type', 'application/json'])
}

/** Options that take a value, and what it means. */
const withValue: ReadonlyMap<string, (read: Read, value: string) => void> = new Map([
  ...[
    '-o',
    '--output',
    '-m',
    '--max-time',
    '--connect-timeout',
    '-w',
    '--write-out',
    '--resolve',
    '--cacert',
  ].map((name) => [name, ignoreValue] as const),
  ['-X', readMethod],
  ['--request', readMethod],
  ['--url', readUrl],
  ['-H', readHeader],
  ['--header', readHeader],
  ['-A', readField('User-Agent')],
  ['--user-agent', readField('User-Agent')],
  ['-e', readField('Referer')],
  ['--referer', readField('Referer')],
  ['-b', readField('Cookie')],
  ['--cookie', readField('Cookie')],
  ['-d', readData],
  ['--data', readData],
  ['--data-ascii', readData],
  ['--data-binary', readData],
  ['--data-raw', readRaw],
  ['--json', readJson],
])

/** @throws TypeError naming the part that is not supported */
export function readCurl(command: string): CapturedFields {
  const read = readOptions(splitShell(command.replace(/^\s*\$ /, '')))
  const { method, url, headers, data } = read
  if (url === undefined) throw new TypeError('explain: the curl command names no URL')
  if (data.length > 0 && !headers.some(([name]) => name.toLowerCase() === 'content-type'))
    headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
  const body = data.length === 0 ? undefined : data.join('&')
  return {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    url: /^https?:/i.test(url) ? url : `https://${url}`,
    headers,
    ...(body === undefined ? {} : { body }),
  }
}

function readOptions([, ...words]: readonly string[]): Read {
  const read: Read = { headers: [], data: [] }
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const [option, attached] = splitOption(word)
    const take = withValue.get(option)
    if (take !== undefined) {
      const value = attached ?? words[++i]
      if (value === undefined) throw new TypeError(`explain: the curl option ${option} has no value`)
      take(read, value)
    } else if (option === '-I' || option === '--head') read.method ??= 'HEAD'
    else if (!option.startsWith('-')) read.url = word
    else if (!ignored.has(option))
      throw new TypeError(`explain: the curl option ${option.slice(0, 40)} is not understood`)
  }
  return read
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

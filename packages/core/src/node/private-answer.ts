import { type OutgoingHttpHeader, ServerResponse } from 'node:http'
import { withLinks } from './link-field.js'

/**
 * Keeps shared caches from serving an answer to another caller. They know that an answer to `Authorization` is for
 * one caller only, but not that answers to our fields are (RFC 9111, 3.5; G-75). When the head is written,
 * `Cache-Control` gets `private` unless it has `private`, `no-store` or `public`, and `Vary` gets the fields on which
 * the answer depends.
 *
 * @param link a value to add to the `Link` field, beside all others. Default: none
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { keepPrivate } from '@countersign/core/adapter'
 *
 * createServer((_, response) => {
 *   keepPrivate(response)
 *   response.end('for whoever asked, and for nobody else')
 * })
 * ```
 */
export function keepPrivate(response: ServerResponse, link?: string): void {
  const kept = response as KeptResponse
  // In a framework that changes the prototype of its responses, each has its own hidden class: reading a property
  // takes half a microsecond, and adding one takes two. So only one of each is done.
  const { writeHead } = kept
  // Listeners of `upgrade` have no response and call their middlewares with `{}`.
  if (typeof writeHead !== 'function') return
  if (link !== undefined) linkOn(kept, link)
  if (writeHead === usualHead) {
    kept.writeHead = privateUsualHead
    return
  }
  if (writeHead === privateUsualHead || kept[original] !== undefined) return
  kept[original] = writeHead
  kept.writeHead = privateHead as typeof writeHead
  // With HTTP/2 the head of an answer without content is written without `writeHead`.
  if (kept.stream !== undefined) beforeEnd(response)
}

const original = Symbol('writeHead')
/** The method of nearly all responses. */
const usualHead: ServerResponse['writeHead'] = ServerResponse.prototype.writeHead
const links = Symbol('links')

/** Several guards of one resource add one link; several resources add one each. */
function linkOn(response: KeptResponse, link: string): void {
  areLinked = true
  const added = response[links] ?? []
  if (!added.includes(link)) response[links] = [...added, link]
}

/** Whether any response has had links. */
let areLinked = false

interface KeptResponse extends ServerResponse {
  [original]?: ServerResponse['writeHead']
  [links]?: string[]
  readonly stream?: unknown
}

// Two functions shared by all responses, because this is part of every request.
function privateHead(
  this: KeptResponse,
  status: number,
  reason?: unknown,
  headers?: unknown,
): ServerResponse {
  return writePrivately(this, this[original] as WriteHead, status, reason, headers)
}

function privateUsualHead(
  this: ServerResponse,
  status: number,
  reason?: unknown,
  headers?: unknown,
): ServerResponse {
  return writePrivately(this, usualHead as WriteHead, status, reason, headers)
}

type WriteHead = (this: ServerResponse, ...args: unknown[]) => ServerResponse

function writePrivately(
  response: KeptResponse,
  writeHead: WriteHead,
  status: number,
  reason: unknown,
  headers: unknown,
): ServerResponse {
  const said = typeof reason === 'string' ? headers : (headers ?? reason)
  const added = areLinked ? response[links] : undefined
  const given = added === undefined ? said : withLinks(said, response, added)
  const all = given === undefined || given === null ? setOn(response) : addTo(given as object, response)
  return typeof reason === 'string'
    ? writeHead.call(response, status, reason, all)
    : writeHead.call(response, status, all)
}

function beforeEnd(response: ServerResponse): void {
  const { end } = response
  response.end = ((...args: unknown[]) => {
    const added = (response as KeptResponse)[links]
    if (!response.headersSent && added !== undefined) withLinks(undefined, response, added)
    if (!response.headersSent) setOn(response)
    return (end as (...args: unknown[]) => ServerResponse).apply(response, args)
  }) as typeof end
}

type Value = OutgoingHttpHeader | undefined

function setOn(response: ServerResponse): undefined {
  const cacheControl: Value = response.getHeader('cache-control')
  const vary: Value = response.getHeader('vary')
  const privately = madePrivate(cacheControl)
  const varied = madeVary(vary)
  if (privately !== cacheControl) response.setHeader('Cache-Control', privately)
  if (varied !== vary) response.setHeader('Vary', varied)
  return undefined
}

/** The fields given to `writeHead`, with ours. The caller's object is not changed. */
function addTo(given: object, response: ServerResponse): never {
  if (Array.isArray(given)) return addToList(given, response) as never
  const fields = given as Readonly<Record<string, Value>>
  let cacheControl: string | undefined
  let vary: string | undefined
  for (const name in fields) {
    if (name.length === 13 && name.toLowerCase() === 'cache-control') cacheControl = name
    else if (name.length === 4 && name.toLowerCase() === 'vary') vary = name
  }
  // Node reads objects made by spreading at a quarter of the speed.
  const all: Record<string, Value> = {}
  if (cacheControl === undefined) all['cache-control'] = madePrivate(response.getHeader('cache-control'))
  if (vary === undefined) all['vary'] = madeVary(response.getHeader('vary'))
  Object.assign(all, fields)
  if (cacheControl !== undefined) all[cacheControl] = madePrivate(fields[cacheControl])
  if (vary !== undefined) all[vary] = madeVary(fields[vary])
  return all as never
}

/** As {@link addTo}, for a list of alternating names and values, or of pairs. */
function addToList(given: readonly unknown[], response: ServerResponse): unknown[] {
  const areLists = Array.isArray(given[0])
  const flat = areLists ? (given as readonly (readonly unknown[])[]).flat() : given
  const found = new Map<string, OutgoingHttpHeader[]>()
  const rest: unknown[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const name = String(flat[i]).toLowerCase()
    const value = flat[i + 1] as OutgoingHttpHeader
    if (name === 'cache-control' || name === 'vary') found.set(name, [...(found.get(name) ?? []), value])
    else rest.push(areLists ? [flat[i], value] : flat[i], ...(areLists ? [] : [value]))
  }
  const of = (name: string): Value => found.get(name)?.flat().join(', ') ?? response.getHeader(name)
  const ours = [
    ['Cache-Control', madePrivate(of('cache-control'))],
    ['Vary', madeVary(of('vary'))],
  ]
  return [...rest, ...(areLists ? ours : ours.flat())]
}

function madePrivate(value: Value): OutgoingHttpHeader {
  if (value === undefined) return 'private'
  // Our own answers have exactly this, and strangers can cause any number of them.
  if (value === 'no-store') return value
  const text = [value].flat().join(', ')
  const directives = membersOf(text.replace(/"(?:[^"\\]|\\.)*"/g, '""'))
  // `private="field"` is about that field only.
  if (directives.some((name) => name === 'private' || name === 'no-store' || name === 'public')) return value
  return text.trim() === '' ? 'private' : `${text}, private`
}

/** The fields on which the answer depends. */
const rests = ['Signature-Key', 'Signature']

function madeVary(value: Value): OutgoingHttpHeader {
  if (value === undefined) return 'Signature-Key, Signature'
  const text = [value].flat().join(', ')
  const names = membersOf(text)
  if (names.includes('*')) return value
  const missing = rests.filter((name) => !names.includes(name.toLowerCase()))
  return missing.length === 0 ? value : [...(text.trim() === '' ? [] : [text]), ...missing].join(', ')
}

const membersOf = (text: string): string[] => text.split(',').map((member) => member.trim().toLowerCase())

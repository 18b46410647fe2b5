import { ownUrl } from '../identifiers.js'

/** Where `aauth-resource.json` is, on every resource (AAuth 11.2.4). */
export const metadataPath = '/.well-known/aauth-resource.json'

/**
 * The link to a resource's metadata, for agents and directories (AAuth 11.2.5). It is only a hint: keys are never
 * found through it.
 */
export interface MetadataLink {
  /** `https://notes.example/.well-known/aauth-resource.json`. */
  readonly href: string
  /** The value of a `Link` field. */
  readonly field: string
  /** For the head of the page at `display.documentationUri`: `<link rel="aauth-resource" href="…">`. */
  readonly element: string
  /** Whether guarded routes' answers carry it: the option `metadataLink`. */
  readonly onAnswers: boolean
}

/** @param resource our identifier, which contains no character that HTML or the field would misread */
export function createMetadataLink(resource: string, onAnswers: boolean): MetadataLink {
  const href = ownUrl(resource, metadataPath)
  return Object.freeze({
    href,
    field: `<${href}>; rel="aauth-resource"`,
    element: `<link rel="aauth-resource" href="${href}">`,
    onAnswers,
  })
}

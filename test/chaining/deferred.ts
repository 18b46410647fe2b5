import { readRequirement } from '@countersign/devkit'

/** The page that a `202` asks a person to open, with its code. */
export function pageOf(response: Response): string {
  const { url, code } = readRequirement(response)?.parameters ?? {}
  if (url === undefined || code === undefined) throw new Error(`${response.status} asks for no interaction`)
  return `${url}?code=${code}`
}

/** The pending URL of a `202`. */
export function pendingOf(response: Response): string {
  const location = response.headers.get('location')
  if (response.status !== 202 || location === null) throw new Error(`${response.status} is no deferral`)
  return location
}

/** The `error` of a problem body. */
export async function errorOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { error?: unknown }).error
}

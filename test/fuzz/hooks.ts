import type { LoadHook } from 'node:module'
import { instrument } from './instrument.js'

// Registered by a process that fuzzes, before core is loaded: its branches are counted from then on.

let first = 0

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  if (loaded.format !== 'module' || !url.includes('/packages/core/dist/')) return loaded
  const { source, count } = instrument(String(loaded.source), first)
  first += count
  return { ...loaded, source }
}

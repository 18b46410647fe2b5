/** Whether a signature serves once, and on which methods. */
export type ReplayMode = 'off' | 'unsafe' | 'all'

/** The mode by the word that options and routes use. */
export function replayMode(word: boolean | 'all'): ReplayMode {
  if (word === 'all') return 'all'
  return word ? 'unsafe' : 'off'
}

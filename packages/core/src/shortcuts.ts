// Not part of the API: the conformance and hostile suites run once with every short cut and once without, and compare
// nothing less than everything. A global symbol, since they come in through the published packages.
const name = Symbol.for('countersign.shortcuts')

/** Whether servers created now recognise the usual and remember tokens. `false` only in tests. */
export function useShortcuts(): boolean {
  return (globalThis as { readonly [name]?: unknown })[name] !== false
}

/** Verification by libsodium, if the package is installed and has a binary for this platform. */
export const sodium: typeof import('@countersign/core/sodium').ed25519 | undefined = await import(
  '@countersign/core/sodium'
)
  .then(({ ed25519 }) => ed25519)
  .catch(() => undefined)

// What `import.meta.url` is in the CommonJS build, put by esbuild into each file that asks for it (scripts/commonjs.mjs).
import { pathToFileURL } from 'node:url'

export const fileUrl = pathToFileURL(__filename).href

// The build has type-checked the sources; this adds what is not built: the tests and the scripts.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { manifests, root, runTool } from './bootstrap.mjs'

const projects = manifests()
  .map((manifest) => join(dirname(manifest), 'tsconfig.test.json'))
  .filter((project) => existsSync(project))

process.exitCode = await runTool('typescript/bin/tsc', ['-b', join(root, 'scripts'), ...projects], {
  stdout: 'inherit',
})

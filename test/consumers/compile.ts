// node compile.js COMPILER FOLDER — compiles a user's program with one version of TypeScript, in every way that it can
// resolve modules, as ES modules and as CommonJS. All in one process, in which a file of declarations is parsed once.
import { copyFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type ts from 'typescript59'

/** One way to compile, what came of it, and where the result lies. */
export interface Compiled {
  readonly way: string
  readonly complaints: readonly string[]
  readonly programs: readonly string[]
}

const [name = '', folder = ''] = process.argv.slice(2)
const compiler = createRequire(join(folder, 'package.json'))(name) as typeof ts
const { ModuleKind, ModuleResolutionKind, ScriptTarget } = compiler
const isAtLeast6 = Number(compiler.versionMajorMinor) >= 6

interface Way {
  readonly resolution: 'node10' | 'node16' | 'nodenext' | 'bundler'
  readonly module: ts.ModuleKind
  /** `esm/` is ES modules, `cjs/` is CommonJS; a program of both must not see two of anything. */
  readonly sources: readonly string[]
  /** Whether their declarations are checked, too, as they are for whoever leaves the default. */
  readonly declarations?: true
}

const esm = 'esm/app.ts'
const cjs = ['cjs/app.ts', 'cjs/required.cts']
const ways: readonly Way[] = [
  { resolution: 'node10', module: ModuleKind.ESNext, sources: [esm] },
  { resolution: 'node10', module: ModuleKind.CommonJS, sources: cjs },
  { resolution: 'node16', module: ModuleKind.Node16, sources: [esm, ...cjs] },
  { resolution: 'nodenext', module: ModuleKind.NodeNext, sources: [esm, ...cjs], declarations: true },
  { resolution: 'nodenext', module: ModuleKind.NodeNext, sources: ['esm/observing.ts'] },
  { resolution: 'bundler', module: ModuleKind.Preserve, sources: [esm, 'cjs/required.cts'] },
]

const resolutions = {
  node10: ModuleResolutionKind.Node10,
  node16: ModuleResolutionKind.Node16,
  nodenext: ModuleResolutionKind.NodeNext,
  bundler: ModuleResolutionKind.Bundler,
}

const parsed = new Map<string, ts.SourceFile>()
const formatHost: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (path) => path,
  getCurrentDirectory: () => folder,
  getNewLine: () => '\n',
}

function compile({ resolution, module, sources, declarations }: Way): Compiled {
  const way = `${resolution} ${ModuleKind[module]}: ${sources.join(' ')}`
  const outDir = join(folder, 'out', name, way.replaceAll(/\W/g, '-'))
  const options: ts.CompilerOptions = {
    module,
    moduleResolution: resolutions[resolution],
    target: ScriptTarget.ES2022,
    types: ['node'],
    strict: true,
    esModuleInterop: true,
    skipLibCheck: declarations !== true,
    rootDir: folder,
    outDir,
    ...(isAtLeast6 && { ignoreDeprecations: '6.0' }),
  }
  const host = compiler.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (path, language, ...rest) => {
    const key = `${path} ${JSON.stringify(language)}`
    const file = parsed.get(key) ?? read(path, language, ...rest)
    if (file !== undefined) parsed.set(key, file)
    return file
  }
  const rootNames = sources.map((source) => join(folder, source))
  const program = compiler.createProgram({ rootNames, options, host })
  const complaints = [...compiler.getPreEmitDiagnostics(program), ...program.emit().diagnostics]
  for (const format of ['esm', 'cjs']) {
    mkdirSync(join(outDir, format), { recursive: true })
    copyFileSync(join(folder, format, 'package.json'), join(outDir, format, 'package.json'))
  }
  return {
    way,
    complaints: complaints.map((complaint) => compiler.formatDiagnostic(complaint, formatHost)),
    programs: sources.map((source) => join(outDir, source.replace(/ts$/, 'js'))),
  }
}

process.stdout.write(JSON.stringify(ways.map(compile)))

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript59'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

/** What a package exports under one name of an entry. */
export interface PublicName {
  /** `@countersign/core/adapter` */
  readonly entry: string
  readonly name: string
  /** `type` where there is nothing of this name when the program runs. */
  readonly kind: 'class' | 'function' | 'type' | 'value'
  readonly symbol: ts.Symbol
}

/** The entries of all packages, as their manifests name them, with their declarations. */
function readEntries(): ReadonlyMap<string, string> {
  const entries = readdirSync(packages).flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as {
      readonly name: string
      readonly exports: Readonly<Record<string, string | { readonly types: string }>>
    }
    return Object.entries(exports).flatMap(([path, entry]): [string, string][] =>
      typeof entry === 'string' ? [] : [[`${name}${path.slice(1)}`, join(packages, folder, entry.types)]],
    )
  })
  return new Map(entries)
}

const entries = readEntries()
const program = ts.createProgram([...entries.values()], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  skipLibCheck: true,
  types: [],
})
const checker = program.getTypeChecker()

const origin = (symbol: ts.Symbol): ts.Symbol =>
  (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)

const isOurs = (declaration: ts.Declaration): boolean => {
  const { fileName } = declaration.getSourceFile()
  return fileName.startsWith(packages) && !fileName.includes('/node_modules/')
}

function kindOf(exported: ts.Symbol): PublicName['kind'] {
  const symbol = origin(exported)
  const isTypeOnly = exported.declarations?.some(
    (declaration) => ts.isExportSpecifier(declaration) && ts.isTypeOnlyExportDeclaration(declaration),
  )
  if (isTypeOnly || (symbol.flags & ts.SymbolFlags.Value) === 0) return 'type'
  if ((symbol.flags & ts.SymbolFlags.Class) !== 0) return 'class'
  const [declaration] = symbol.declarations ?? []
  const isCallable =
    declaration !== undefined &&
    checker.getTypeOfSymbolAtLocation(symbol, declaration).getCallSignatures().length > 0
  return isCallable ? 'function' : 'value'
}

/** Every name that every entry exports. */
export const publicNames: readonly PublicName[] = [...entries].flatMap(([entry, path]) => {
  const file = program.getSourceFile(path)
  const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
  if (module === undefined) throw new Error(`${entry}: ${path} is not built`)
  return checker
    .getExportsOfModule(module)
    .map((symbol) => ({ entry, name: symbol.name, kind: kindOf(symbol), symbol: origin(symbol) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
})

const known = new Set(publicNames.map(({ symbol }) => symbol))
const runs = new Set(publicNames.filter(({ kind }) => kind === 'class').map(({ symbol }) => symbol))

/**
 * Declarations of ours that a public declaration mentions and no entry exports. The compiler writes an alias out that its
 * own module keeps to itself, so such a one is looked into; what is neither exported nor written out cannot be named by
 * somebody whose own declarations need it (TS2883, TS4058).
 */
export function unnamed({ symbol }: PublicName): readonly string[] {
  const missing = new Set<string>()
  const seen = new Set<ts.Symbol>([symbol])
  const look = (of: ts.Symbol): void => {
    for (const declaration of of.declarations ?? []) if (isOurs(declaration)) visit(declaration)
  }
  const visit = (node: ts.Node): void => {
    if (isHidden(node)) return
    // What an interface inherits is its own; the name of what it inherits from is never needed.
    const isHeritage = ts.isExpressionWithTypeArguments(node) && ts.isHeritageClause(node.parent)
    const name = isHeritage ? node.expression : ts.isIdentifier(node) ? node : undefined
    const found = name === undefined ? undefined : checker.getSymbolAtLocation(name)
    if (found !== undefined) mention(origin(found), isHeritage)
    if (isHeritage) node.typeArguments?.forEach(visit)
    else ts.forEachChild(node, visit)
  }
  const mention = (found: ts.Symbol, isHeritage: boolean): void => {
    const [declaration] = found.declarations ?? []
    if (seen.has(found) || known.has(found) || declaration === undefined) return
    if (!isOurs(declaration) || !isOfModule(declaration)) return
    seen.add(found)
    if (isHeritage || isPrivateAlias(declaration)) look(found)
    else missing.add(found.name)
  }
  /** Nobody outside can call the constructor of a class of which only the type is exported. */
  const isHidden = (node: ts.Node): boolean =>
    (ts.isClassElement(node) && (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0) ||
    (ts.isConstructorDeclaration(node) && !runs.has(symbol)) ||
    (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword)
  look(symbol)
  return [...missing].sort()
}

function isOfModule(declaration: ts.Declaration): boolean {
  return (
    ts.isSourceFile(declaration.parent) ||
    (ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent))
  )
}

function isPrivateAlias(declaration: ts.Declaration): boolean {
  return (
    ts.isTypeAliasDeclaration(declaration) &&
    (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) === 0
  )
}

/** The members of a public union by name; empty for what is none. Members that have no name of ours are left out. */
export function unionMembers({
  symbol,
}: PublicName): readonly { readonly name: string; isPublic: boolean }[] {
  if ((symbol.flags & ts.SymbolFlags.TypeAlias) === 0) return []
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  return (type.isUnion() ? type.types : []).flatMap((member) => {
    const named = member.getSymbol()
    const [declaration] = named?.declarations ?? []
    return named === undefined ||
      declaration === undefined ||
      !isOurs(declaration) ||
      !isOfModule(declaration)
      ? []
      : [{ name: named.name, isPublic: known.has(named) }]
  })
}

/** What follows each `@example` of a name's description. */
export function examplesOf({ symbol }: PublicName): readonly string[] {
  return symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === 'example')
    .map(({ text }) => ts.displayPartsToString(text))
}

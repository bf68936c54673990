// `npm run api`: writes docs/public-api.md, what the packages export. With --check it only checks whether the
// committed page is up to date, so that no public name changes unnoticed together with the tests that use it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { ROOT } from './build-step.mjs';

const PAGE = join(ROOT, 'docs/public-api.md');
const HEAD = `# Public API

Every exported name, with the type of each member. Generated from the code by \`npm run api\`; \`npm run check\` fails
if a name or a type has changed and this page has not. A changed or removed name breaks users' code: say so in
[CHANGELOG.md](../CHANGELOG.md).
`;
/** The entries of the packages, and the port of authenticators. */
const ENTRIES = [
  { title: '`sallyport`', file: 'src/index.ts' },
  { title: '`sallyport/testing`', file: 'src/testing/index.ts' },
  { title: '`sallyport-client`', file: 'client/index.ts' },
  {
    title: 'The port of authenticators',
    note: 'For code in this repository, such as the stand-alone server: no package exports it.',
    file: 'src/live/gateway/connection-authenticator.ts',
  },
];
const FLAGS =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope |
  ts.TypeFormatFlags.WriteArrowStyleSignature |
  ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType;

process.chdir(ROOT);
const made = await page();
const committed = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
if (!process.argv.includes('--check')) writeFileSync(PAGE, made);
else if (made !== committed) {
  console.error('docs/public-api.md is not what the code says: run `npm run api`, look at the difference, commit it.');
  process.exitCode = 1;
}

async function page() {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const program = ts.createProgram(
    ENTRIES.map(({ file }) => file),
    { ...options, incremental: false, noEmit: true },
  );
  const checker = program.getTypeChecker();
  const sections = ENTRIES.map(({ title, note, file }) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file));
    const exported = checker.getExportsOfModule(module).sort(byName);
    return `## ${title}\n\n${note ? `${note}\n\n` : ''}\`\`\`ts\n${exported.map((symbol) => textOf(checker, symbol)).join('\n')}\n\`\`\`\n`;
  });
  return format([HEAD, ...sections].join('\n'), { ...(await resolveConfig(PAGE)), filepath: PAGE });
}

/** One exported name: the members of a class or an interface, the type of anything else. */
function textOf(checker, exported) {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const [declaration] = symbol.getDeclarations();
  const name = exported.getName();
  if (ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration)) {
    const statics = ts.isClassDeclaration(declaration) ? membersOf(checker, checker.getTypeOfSymbol(symbol)) : [];
    const own = membersOf(checker, checker.getDeclaredTypeOfSymbol(symbol));
    return `${headOf(declaration, name)} {\n${[...statics.map((line) => `static ${line}`), ...own].join('\n')}\n}`;
  }
  const texts = [];
  if (symbol.flags & ts.SymbolFlags.Value)
    texts.push(`const ${name}: ${checker.typeToString(checker.getTypeOfSymbol(symbol), undefined, FLAGS)};`);
  if (symbol.flags & ts.SymbolFlags.TypeAlias) texts.push(aliasOf(checker, symbol, name));
  return texts.join('\n');
}

/** `class Name<T> extends Other`. */
function headOf(declaration, name) {
  const kind = ts.isClassDeclaration(declaration) ? 'class' : 'interface';
  const bases = (declaration.heritageClauses ?? []).map((clause) => ` ${clause.getText()}`);
  return `${kind} ${name}${parametersOf(declaration)}${bases.join('')}`;
}

function parametersOf({ typeParameters = [] }) {
  return typeParameters.length === 0 ? '' : `<${typeParameters.map((one) => one.getText()).join(', ')}>`;
}

function aliasOf(checker, symbol, name) {
  const declaration = symbol.getDeclarations().find((one) => ts.isTypeAliasDeclaration(one));
  const flags = FLAGS | ts.TypeFormatFlags.InTypeAlias;
  const shown = checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), undefined, flags);
  return `type ${name}${parametersOf(declaration)} = ${shown};`;
}

/** The public members that are declared in this repository, by name. */
function membersOf(checker, type) {
  return checker
    .getPropertiesOfType(type)
    .filter((member) => isPublic(member) && member.getName() !== 'prototype')
    .sort(byName)
    .map((member) => {
      const optional = member.flags & ts.SymbolFlags.Optional ? '?' : '';
      const shown = checker.typeToString(checker.getTypeOfSymbol(member), undefined, FLAGS);
      return `${nameOf(member)}${optional}: ${shown};`;
    });
}

/** TypeScript's own name for a well-known symbol is `__@asyncIterator@123`. */
function nameOf(member) {
  return member.getName().replace(/^__@(\w+)@\d+$/, '[Symbol.$1]');
}

function isPublic(member) {
  const [declaration] = member.getDeclarations() ?? [];
  if (!declaration || declaration.getSourceFile().fileName.includes('node_modules')) return false;
  if (declaration.name && ts.isPrivateIdentifier(declaration.name)) return false;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isInternal = ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal');
  return (ts.getCombinedModifierFlags(declaration) & hidden) === 0 && !isInternal;
}

function byName(one, other) {
  const [first, second] = [nameOf(one), nameOf(other)];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

// Nest's own schematics, adapted to this repository: `.js` on relative imports, as Node's ESM asks for, and code that
// passes the compiler's strict checks.
const { chain, externalSchematic } = require('@angular-devkit/schematics');

const NAMES = [
  'class',
  'controller',
  'decorator',
  'filter',
  'guard',
  'interceptor',
  'interface',
  'middleware',
  'module',
  'pipe',
  'provider',
  'resolver',
  'resource',
  'service',
];
const RELATIVE_IMPORT = /(from\s+')(\.{1,2}\/[^']+?)(?<!\.js)(')/g;
/** A property of a model or an input, under its `@Field()`. */
const FIELD = /(@Field\([^\n]*\)\n\s+\w+)(:)/g;
/** An argument that a generated service does not use yet. */
const UNUSED = /\b(create|update)\(((?:\w+: number, )?)(\w+Input|\w+Dto):/g;

const adapted = (name) => (options) =>
  chain([externalSchematic('@nestjs/schematics', name, options), (tree) => adaptAll(tree)]);

function adaptAll(tree) {
  for (const action of tree.actions) {
    if (!('content' in action) || !action.path.endsWith('.ts')) continue;
    const text = action.content.toString('utf8');
    const better = text.replace(RELATIVE_IMPORT, '$1$2.js$3').replace(FIELD, '$1!$2');
    const strict = action.path.endsWith('.service.ts') ? better.replace(UNUSED, '$1($2_$3:') : better;
    if (strict !== text) tree.overwrite(action.path, strict);
  }
  return tree;
}

module.exports = Object.fromEntries(NAMES.map((name) => [name, adapted(name)]));

// `npx nest generate feed NAME`: src/feeds/NAME/NAME.model.ts and NAME.feed.ts, the feed's line in app.module.ts, and its
// type and field in schema.gql.
const { strings } = require('@angular-devkit/core');
const { SchematicsException } = require('@angular-devkit/schematics');
const {
  buildSchema,
  extendSchema,
  lexicographicSortSchema,
  parse,
  printSchema,
  specifiedScalarTypes,
} = require('graphql');

/** What becomes a folder, a class and a field of GraphQL. */
const NAME = /^[A-Za-z][\dA-Za-z_-]*$/;
/** What defineFeed takes. */
const MAX_NAME_LENGTH = 64;
const IMPORTED = new Set(['Field', 'ID', 'ObjectType', 'IsString', 'Length']);
const SCHEMA = 'schema.gql';
const MODULE_LINE = /^( *)FeedModule\.of\(\w+\),\n(?![\s\S]*^ *FeedModule\.of\()/m;
const FEED_IMPORT = /^import \{ FeedModule \} from [^\n]+\n/m;

module.exports.feed =
  ({ name, sourceRoot }) =>
  (tree) => {
    if (!NAME.test(name))
      throw new SchematicsException(`A feed's name is letters, digits, dashes and underscores, not "${name}".`);
    const dashed = strings.dasherize(name);
    const Class = strings.classify(dashed);
    const folder = `${sourceRoot}/feeds/${dashed}`;
    if (tree.exists(`${folder}/${dashed}.feed.ts`))
      throw new SchematicsException(`There is a feed ${dashed} already: choose another name.`);
    // A project may commit no schema.
    const schema = tree.exists(SCHEMA) ? tree.readText(SCHEMA) : null;
    const fault = faultOf(dashed, Class, schema);
    if (fault !== null) throw new SchematicsException(fault);
    tree.create(`${folder}/${dashed}.model.ts`, modelOf(Class));
    tree.create(`${folder}/${dashed}.feed.ts`, feedOf(dashed, Class));
    addToModule(tree, `${sourceRoot}/app.module.ts`, dashed, Class);
    if (schema !== null) tree.overwrite(SCHEMA, extended(schema, strings.camelize(dashed), Class));
    return tree;
  };

/** Returns why the code of a feed with this name would not compile or not start; null if it does. */
function faultOf(dashed, Class, schema) {
  if (dashed.length > MAX_NAME_LENGTH)
    return `A feed's name has at most ${MAX_NAME_LENGTH} characters; ${dashed} has ${dashed.length}.`;
  if (IMPORTED.has(Class)) return `The class ${Class} would hide an import of its file: choose another name.`;
  const types = [...specifiedScalarTypes, ...(schema === null ? [] : Object.values(buildSchema(schema).getTypeMap()))];
  if (types.some((type) => type.name === Class)) return `The schema has a type ${Class} already: choose another name.`;
  return null;
}

function modelOf(Class) {
  return `import { Field, ID, ObjectType } from '@nestjs/graphql';
import { IsString, Length } from 'class-validator';

/** The payload of this feed: its GraphQL type, and the rules for what may be published. */
@ObjectType({ description: 'Say what this is.' })
export class ${Class} {
  @Field(() => ID, { description: 'Say what this is.' })
  @IsString()
  @Length(1, 200)
  id!: string;
}
`;
}

function feedOf(dashed, Class) {
  return `import { defineFeed } from '../../live/feeds/feed.js';
import { ${Class} } from './${dashed}.model.js';

/** Say what this feed is for. */
export const ${Class}Feed = defineFeed<${Class}>({
  name: '${strings.underscore(dashed)}',
  field: '${strings.camelize(dashed)}',
  type: ${Class},
  description: 'Say what this is.',
  history: { events: 20, seconds: 600 },
  onSubscribe: 'nothing',
  slowReader: 'close',
});
`;
}

/** The schema with the feed, as `npm run schema` writes it from the code. */
function extended(schema, field, Class) {
  const added = parse(`
    "Say what this is."
    type ${Class} { "Say what this is." id: ID! }
    extend type Subscription { "Say what this is." ${field}: ${Class}! }`);
  const [head] = /^(?:#.*\n|\n)*/.exec(schema);
  return `${head}${printSchema(lexicographicSortSchema(extendSchema(buildSchema(schema), added)))}\n`;
}

function addToModule(tree, path, dashed, Class) {
  const text = tree.readText(path);
  if (!MODULE_LINE.test(text) || !FEED_IMPORT.test(text))
    throw new SchematicsException(
      `${path} has no FeedModule.of(…): add FeedModule.of(${Class}Feed) to its imports yourself.`,
    );
  const feedImport = `import { ${Class}Feed } from './feeds/${dashed}/${dashed}.feed.js';\n`;
  tree.overwrite(
    path,
    text
      .replace(MODULE_LINE, (line, indent) => `${line}${indent}FeedModule.of(${Class}Feed),\n`)
      .replace(FEED_IMPORT, (line) => `${line}${feedImport}`),
  );
}

import {
  buildSchema,
  type GraphQLEnumType,
  type GraphQLFieldResolver,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql';
import { BadUserInputError } from '../../src/live/errors/sallyport.errors.js';

const SDL = `
  scalar Any
  scalar Stamp
  enum Mood { GLAD SAD }
  input Where { n: Int, text: String = "w", mood: Mood, and: [Where!] }
  interface Node { id: ID!, name: String, next: Node }
  interface Named { name: String }
  interface Shape { area: Float, label: String }
  interface Late { name: String }
  union Thing = Leaf | Branch | Stone
  type Leaf implements Node & Named & Late { id: ID!, name: String, next: Node, weight: Float!, stamp: Stamp, any: Any }
  type Stone { name: String, hard: Boolean!, any: Any, moods: [Mood!] }
  type Circle implements Shape & Named { area: Float, label: String, name: String, radius: Int! }
  type Square implements Shape & Late { area: Float, label: String, name: String, side: Int, thing: Thing }
  type Branch implements Node & Named {
    id: ID!, name: String, next: Node, title: String!, count: Int, mood: Mood, moods: [Mood!]!, stamp: Stamp, any: Any
    leaves: [Leaf!]!, maybe: [Leaf], things: [Thing!], thing: Thing, shape: Shape, shapes: [Shape], late: Late
    matrix: [[Int]!], branch: Branch, strict: Branch!
    scaled(by: Int! = 2, of: [Float!]): Float
    echo(text: String, list: [Int!], where: Where, mood: Mood = SAD): String
    unread(where: Where, by: Int! = 1): String
    later(text: String): String, laterLeaves: [Leaf], laterBranch: Branch!
    mine: String, info: String!
    fails: String, failsHard: String!, refuses: String, failsLater: String, failsHardLater: Int!
  }
  type Query { none: Int }
  type Subscription {
    branch: Branch, hard: Branch!, thing: Thing, things: [Thing!]!, node: Node!, shape: Shape, number(by: Int! = 1): Int!, any: Any
    counted(where: Where): Int
  }`;

type Resolver = GraphQLFieldResolver<Record<string, unknown> | undefined, { readonly viewer: { readonly id: string } }>;

const BRANCH: Record<string, Resolver> = {
  scaled: (source, args: { by: number; of?: number[] }) => Number(source?.['count']) * args.by + (args.of?.length ?? 0),
  echo: (_source, args) => {
    const text = JSON.stringify(args);
    // Resolvers may modify their arguments: each call must get its own.
    for (const key of Object.keys(args as object)) (args as Record<string, unknown>)[key] = 'changed';
    const where: unknown = (args as { where?: unknown }).where;
    if (typeof where === 'object' && where !== null) (where as Record<string, unknown>)['n'] = 99;
    return text;
  },
  later: async (source, { text }: { text?: string }) => `${text ?? ''}${String(source?.['title'])}`,
  laterLeaves: async (source) => source?.['leaves'],
  laterBranch: async (source) => source?.['branch'],
  mine: (_source, _args, { viewer }) => viewer.id,
  info: (_source, _args, _context, info) => {
    const path: (string | number)[] = [];
    for (let at: typeof info.path | undefined = info.path; at; at = at.prev) path.push(at.key, String(at.typename));
    const nodes = info.fieldNodes.map(({ loc }) => loc?.start);
    return JSON.stringify([info.fieldName, path, nodes, info.variableValues, Object.keys(info.fragments)]);
  },
  fails: () => fail('nothing for anybody'),
  failsHard: () => fail('nor this'),
  refuses: () => {
    throw new BadUserInputError('title', 'Not this title.');
  },
  failsLater: async () => fail('later'),
  failsHardLater: async () => fail('hard and later'),
};

function fail(message: string): never {
  throw new Error(message);
}

/** Builds a schema that covers every way in which a payload can succeed or fail. Resolvers depend only on their arguments. */
export function richSchema(): GraphQLSchema {
  const schema = buildSchema(SDL);
  const type = <T>(name: string): T => schema.getType(name) as T;
  for (const [name, resolve] of Object.entries(BRANCH))
    type<GraphQLObjectType>('Branch').getFields()[name]!.resolve = resolve as GraphQLFieldResolver<unknown, unknown>;
  type<GraphQLObjectType>('Stone').isTypeOf = (value) => typeof value === 'object' && value !== null && 'hard' in value;
  type<GraphQLInterfaceType>('Shape').resolveType = (value: { radius?: unknown }) =>
    value.radius === undefined ? 'Square' : 'Circle';
  type<GraphQLInterfaceType>('Late').resolveType = async (value: { side?: unknown }) =>
    value.side === undefined ? 'Leaf' : 'Square';
  const stamp = type<GraphQLScalarType>('Stamp');
  stamp.serialize = (value) => {
    if (value === 1) return fail('no stamp');
    if (value === 3) return Promise.resolve('later');
    return value === 0 ? null : new Date(Number(value));
  };
  const gladValue = type<GraphQLEnumType>('Mood').getValue('GLAD')!;
  gladValue.description = 'so that the type is written to';
  const subscription = type<GraphQLObjectType>('Subscription').getFields();
  subscription['number']!.resolve = (source: { number: unknown }, { by }: { by: number }) => Number(source.number) * by;
  subscription['counted']!.resolve = (_source, args: { where?: object }) => Object.keys(args.where ?? {}).length;
  return schema;
}

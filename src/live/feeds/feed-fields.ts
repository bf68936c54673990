import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { RESOLVER_NAME_METADATA, RESOLVER_PROPERTY_METADATA, TypeMetadataStorage } from '@nestjs/graphql';
import { StartError } from '../errors/sallyport.errors.js';
import { type ObjectClass, rulesOf } from './compiled-rules.js';
import { FeedRegistry } from './feed.registry.js';

/** Refuses to start with a feed that has a field which is always missing: every subscriber would get an error. */
@Injectable()
export class FeedFields implements OnApplicationBootstrap {
  constructor(
    private readonly feeds: FeedRegistry,
    private readonly modules: ModulesContainer,
  ) {}

  /**
   * By now the schema is built, and the fields of each class are known. An application without one has none to check.
   *
   * @throws StartError that names the field
   */
  onApplicationBootstrap(): void {
    const resolved = new Set(this.#resolvedFields());
    for (const [name, type] of this.feeds.classes) {
      const missing = missingField(type, resolved);
      if (missing !== null)
        throw new StartError(
          `Feed "${name}": ${missing} is not nullable, but it has no rule, so nobody can publish it. Add a decorator of class-validator, such as @IsString(), or resolve it with @ResolveField().`,
        );
    }
  }

  /** The fields with a resolver, of any type. */
  *#resolvedFields(): Iterable<string> {
    const scanner = new MetadataScanner();
    for (const { providers } of this.modules.values())
      for (const { instance } of providers.values() as Iterable<{ readonly instance: unknown }>) {
        if (typeof instance !== 'object' || instance === null) continue;
        const prototype = Object.getPrototypeOf(instance) as Record<string, object> | null;
        for (const method of scanner.getAllMethodNames(prototype)) {
          const handler = prototype![method]!;
          if (Reflect.getMetadata(RESOLVER_PROPERTY_METADATA, handler) === true)
            yield (Reflect.getMetadata(RESOLVER_NAME_METADATA, handler) as string | undefined) ?? method;
        }
      }
  }
}

/** The first such field of a class, or of the classes in it, as `Order.total`; null without one. */
function missingField(
  type: ObjectClass,
  resolved: ReadonlySet<string>,
  seen: ReadonlySet<ObjectClass> = new Set(),
): string | null {
  if (seen.has(type)) return null;
  const { fields, nested } = rulesOf(type);
  const initial = new type() as Record<string, unknown>;
  for (const { name, schemaName, options, middleware = [] } of fieldsOf(type)) {
    const isNullable = options.nullable === true || options.nullable === 'itemsAndList';
    const isFilled = fields.has(name) || resolved.has(schemaName) || middleware.length > 0;
    // No payload has the getters of its class.
    const hasValue = Object.hasOwn(initial, name) && initial[name] !== undefined;
    if (!isNullable && !isFilled && !hasValue) return `${type.name}.${name}`;
  }
  for (const { base, discriminator } of nested.values()) {
    const missing = base && discriminator === null ? missingField(base, resolved, new Set([...seen, type])) : null;
    if (missing !== null) return missing;
  }
  return null;
}

/** The GraphQL fields of a class and of those that it extends. */
function fieldsOf(type: ObjectClass) {
  const chain: ObjectClass[] = [];
  for (let one = type; one !== Function.prototype; one = Object.getPrototypeOf(one) as ObjectClass) chain.push(one);
  return chain.flatMap((one) => TypeMetadataStorage.getObjectTypeMetadataByTarget(one)?.properties ?? []);
}

import { Query, Resolver } from '@nestjs/graphql';

/** The application's own schema, which stays as it is. */
@Resolver()
export class ShopResolver {
  @Query(() => String)
  shop(): string {
    return 'open';
  }
}

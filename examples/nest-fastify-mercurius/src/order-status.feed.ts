import { Field, ID, ObjectType } from '@nestjs/graphql';
import { IsIn, IsString } from 'class-validator';
import { defineFeed } from 'sallyport';

@ObjectType()
export class OrderStatus {
  @Field(() => ID)
  @IsString()
  order!: string;

  @Field()
  @IsIn(['paid', 'shipped'])
  state!: string;
}

/** `subscription { orderStatus { order state } }`: each viewer gets only their own. */
export const OrderStatusFeed = defineFeed<OrderStatus>({
  name: 'order_status',
  field: 'orderStatus',
  type: OrderStatus,
  history: { events: 20, seconds: 600 },
  onSubscribe: 'history',
  slowReader: 'close',
});

import { randomUUID } from 'node:crypto';
import { Controller, InternalServerErrorException, Post, Req, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { Sallyport, viewerId } from 'sallyport';
import { type OrderStatus, OrderStatusFeed } from './order-status.feed';

@Controller('orders')
export class OrdersController {
  constructor(private readonly sallyport: Sallyport) {}

  /** Places an order of the user who is signed in. Any code of yours may publish: a worker, a webhook. */
  @Post()
  async place(@Req() { session }: Request): Promise<OrderStatus> {
    if (session.user === undefined) throw new UnauthorizedException();
    const status = { order: randomUUID().slice(0, 8), state: 'paid' };
    const result = await this.sallyport.publish(OrderStatusFeed, viewerId('app', session.user), status);
    if ('error' in result) throw new InternalServerErrorException(result.error.message);
    return status;
  }
}

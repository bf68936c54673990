import { randomUUID } from 'node:crypto';
import { Controller, InternalServerErrorException, Post, Req, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { Sallyport, viewerId } from 'sallyport';
import { type OrderStatus, OrderStatusFeed } from './order-status.feed.js';
import { sessionOf } from './sessions.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly sallyport: Sallyport) {}

  /** Places an order of the user who is signed in. Any code of yours may publish: a worker, a webhook. */
  @Post()
  async place(@Req() request: Request): Promise<OrderStatus> {
    const session = await sessionOf(request);
    if (!session) throw new UnauthorizedException();
    const status = { order: randomUUID().slice(0, 8), state: 'paid' };
    const result = await this.sallyport.publish(OrderStatusFeed, viewerId('app', session.user.id), status);
    if ('error' in result) throw new InternalServerErrorException(result.error.message);
    return status;
  }
}

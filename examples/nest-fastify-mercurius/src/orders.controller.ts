import { randomUUID } from 'node:crypto';
import { Controller, InternalServerErrorException, Post, Req, UnauthorizedException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Sallyport, viewerId } from 'sallyport';
import { type OrderStatus, OrderStatusFeed } from './order-status.feed.js';
import { SessionService } from './session.service.js';

@Controller('orders')
export class OrdersController {
  constructor(
    private readonly sessions: SessionService,
    private readonly sallyport: Sallyport,
  ) {}

  /** Places an order of the user who is signed in. Any code of yours may publish: a worker, a webhook. */
  @Post()
  async place(@Req() request: FastifyRequest): Promise<OrderStatus> {
    const user = this.sessions.userOf(request);
    if (user === undefined) throw new UnauthorizedException();
    const status = { order: randomUUID().slice(0, 8), state: 'paid' };
    const result = await this.sallyport.publish(OrderStatusFeed, viewerId('app', user), status);
    if ('error' in result) throw new InternalServerErrorException(result.error.message);
    return status;
  }
}

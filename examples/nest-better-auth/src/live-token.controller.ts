import { Controller, Get, Header, Req, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { Sallyport } from 'sallyport';

@Controller('live-token')
export class LiveTokenController {
  constructor(private readonly sallyport: Sallyport) {}

  /** What the page asks before each connection. */
  @Get()
  @Header('Cache-Control', 'no-store')
  async liveToken(@Req() request: Request): Promise<object> {
    const signed = await this.sallyport.connectionToken(request);
    if (!signed) throw new UnauthorizedException();
    return signed;
  }
}

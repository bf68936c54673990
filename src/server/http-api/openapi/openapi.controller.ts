import { Controller, Get, Header } from '@nestjs/common';
import { OPENAPI_DOCUMENT } from './openapi.document.js';

const TEXT = JSON.stringify(OPENAPI_DOCUMENT);

/** `GET /openapi.json`: the description of the HTTP API for generators and tools. The same on every node. */
@Controller()
export class OpenApiController {
  @Get('/openapi.json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  show(): string {
    return TEXT;
  }
}

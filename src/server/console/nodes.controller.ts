import { Controller, Get } from '@nestjs/common';
import { CONSOLE_API } from './console.rules.js';
import { type NodesAnswer, NodeReports } from './node-reports.js';

/** What the nodes do: asked once a second for the plots. */
@Controller(CONSOLE_API)
export class NodesController {
  constructor(private readonly reports: NodeReports) {}

  @Get('/nodes')
  nodes(): Promise<NodesAnswer> {
    return this.reports.all();
  }
}

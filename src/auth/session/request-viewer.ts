import { Injectable } from '@nestjs/common';
import type { AccountViewer } from '../../viewer/viewer.js';
@Injectable()
export class RequestViewer {
  async fromCookie(_c: string | undefined): Promise<AccountViewer | null> {
    return null;
  }
}

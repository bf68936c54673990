import { Module, Injectable } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { RequestViewer } from './session/request-viewer.js';
import { SessionEndings } from './session/session-endings.js';
import { AccountTokenVerifier } from './token/account-token.verifier.js';
@Resolver()
class R {
  @Query(() => String) hi() {
    return 'x';
  }
}
@Module({
  providers: [RequestViewer, SessionEndings, AccountTokenVerifier, R],
  exports: [RequestViewer, SessionEndings, AccountTokenVerifier],
})
export class AuthModule {}
void Injectable;

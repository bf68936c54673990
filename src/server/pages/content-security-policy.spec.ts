import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy } from './content-security-policy.js';

describe('the content security policy of a page', () => {
  it("allows only the app's own files and its own socket", () => {
    expect(contentSecurityPolicy('app', 'https://live.example')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
        "connect-src 'self' wss://live.example; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    );
  });

  it('gives the console no socket', () => {
    expect(contentSecurityPolicy('console', 'https://live.example')).toContain("connect-src 'self'; ");
  });

  it('never allows inline scripts or eval', () => {
    for (const page of ['app', 'graphiql', 'console'] as const) {
      const scripts = contentSecurityPolicy(page, 'http://localhost:3000')
        .split('; ')
        .find((directive) => directive.startsWith('script-src'));
      expect(scripts).toBe("script-src 'self'");
    }
  });

  it("allows GraphiQL's editor to write styles and start workers", () => {
    expect(contentSecurityPolicy('graphiql', 'http://localhost:3000')).toContain(
      "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws://localhost:3000; " +
        "font-src 'self' data:; worker-src 'self'",
    );
  });
});

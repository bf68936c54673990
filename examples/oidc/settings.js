const port = Number(process.env.PORT ?? 8000);
const issuerPort = Number(process.env.ISSUER_PORT ?? 8001);
const sallyportUrl = process.env.SALLYPORT_URL ?? 'http://127.0.0.1:3000';

/** The environment, with defaults for all three servers on this machine. */
export const settings = {
  port,
  url: `http://127.0.0.1:${port}`,
  issuerPort,
  issuer: `http://127.0.0.1:${issuerPort}`,
  clientId: 'shop',
  /** Where servers find Sallyport, and where browsers do. */
  sallyportUrl,
  liveUrl: process.env.LIVE_URL ?? sallyportUrl,
  apiKey: process.env.API_KEY ?? '',
};

/** What a refusal for too many attempts says: when to try again. @param retryAfterSeconds the server's answer, if any */
export function tooManyText(retryAfterSeconds: unknown): string {
  const seconds = typeof retryAfterSeconds === 'number' ? Math.ceil(retryAfterSeconds) : 60;
  const minutes = Math.ceil(seconds / 60);
  const wait = seconds === 1 ? '1 second' : seconds < 90 ? `${seconds} seconds` : `${minutes} minutes`;
  return `Too many attempts. Try again in ${wait}.`;
}

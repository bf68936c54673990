/** What the docs say beside a measure, by its id: how to read it, and where the time goes. */
export const NOTES = {
  'delivery-2000': `Most of it is the kernel's: the \`write\` itself takes 60–70 % of the time of bare \`ws\` and of Sallyport alike (CPU profile). Sallyport
spends what is left on finding the topic, on compiled GraphQL and on keep-alive pings, and saves it again with one write of one string
for each socket and turn, where \`ws\` writes a header and a body.`,
  opening: `By CPU profile an opening's time goes to: HTTP, handshake and the receiving side of \`ws\`, about 45 % (bare \`ws\` pays the same); the
token's signature and claims 10 %; garbage collection 8 %; the session's look-up, in batches, 8 %; GraphQL's subscribe and Nest's resolver 5 %;
graphql-ws 4 %; limits, origin and journal 4 %; the rest is promises and timers. Tried: queries built once and one parameter a batch (-60 µs),
look-ups that gather for 5 ms (-50 µs), no parsing of plain IPv4 (-10 µs), one random epoch a process (-8 µs).`,
  'publish-cpu': 'The peers have no such door: theirs is a bare loop over the parsed body.',
};

/** Notes in docs/benchmarks.md by the id of a measure: how to read it, and what takes the time. */
export const NOTES = {
  'delivery-2000': `Most of it is the kernel's: the \`write\` itself takes 60–70 % of the time of bare \`ws\` and of Sallyport alike (CPU profile). Sallyport
spends what is left on finding the topic, on executing the operation's plan and on keep-alive pings, and saves it again with one
write of one string for each socket and turn, where \`ws\` writes a header and a body.`,
  tabs: `Rendering is shared and costs 0.1 µs an event (CPU profile); the \`write\` is 70–75 % on both sides. What bare \`ws\` does not have is
keep-alive: 830 pings and as many answers a second, about 0.6 µs an event at this pace. Tried and not kept, for no gain: writing to 128
sockets at a time, while their data is in the processor's cache.`,
  opening: `By CPU profile of 15,000 openings on a server that has just started: the handshake of \`ws\` 15 %, accepting the connection 13 %, reading
the request 5 % (bare \`ws\` has these three too); the token 8 %; garbage collection 8 %; the session's look-up 6 %; limits, address and origin 7 %;
subscribing 6 %; nothing else above 2 %. The first 4,000 sockets cost twice as much as the later ones, while V8 compiles. Tried and kept:
a token's signature by node:crypto instead of the library, one decoded header for all tokens of a key, look-ups that are collected up to
64 or for 20 ms, queries built once, no parsing of plain IPv4, one random epoch a process. Tried and not kept: a young generation of
64 MiB (6 % less CPU, 4 KiB more a socket), one of 32 MiB (nothing gained), single-threaded collection, maglev, baseline compilation from
the start, feedback from the first call, an earlier optimising compiler (all within the noise).`,
  feeds: `A write takes 6 to 8 µs of 13 µs an event (CPU profile). Three events in one write save two thirds of that, so 0.6 to 0.7 × remain; the rest is looking up the topic, history and rendering, of each event, at a third of full load.`,
  'publish-cpu': 'The peers have no such checks: theirs is a bare loop over the parsed body.',
};

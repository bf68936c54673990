/** Notes in docs/benchmarks.md by the id of a measure: how to read it, and what takes the time. */
export const NOTES = {
  'delivery-2000': `Most of it is the kernel's: the \`write\` itself takes 60–70 % of the time of bare \`ws\` and of Sallyport alike (CPU profile). Sallyport
spends what is left on finding the topic, on compiled GraphQL and on keep-alive pings, and saves it again with one write of one string
for each socket and turn, where \`ws\` writes a header and a body.`,
  tabs: `Rendering is shared and costs 0.1 µs an event (CPU profile); the \`write\` is 70–75 % on both sides. What bare \`ws\` does not have is
keep-alive: 830 pings and as many answers a second, about 0.6 µs an event at this pace. Tried and not kept, for no gain: writing to 128
sockets at a time, while their data is in the processor's cache.`,
  opening: `By CPU profile of 15,000 openings: sockets, streams, HTTP and the handshake 47 % (bare \`ws\` does all of it but the ack and one message);
garbage collection 12 %, since a socket with its viewer, subscription and deadline has 7.8 KB of objects where that of \`ws\` has 3.7;
the token 8 %; the session's lookup 7 %; limits, address, origin and journal 4 %; admission and registry 5 %; graphql-ws, GraphQL and Nest's
resolver 8 %; promises and timers 8 %. A fifth is spent in the first 3,000 sockets, while V8 still compiles. Tried and kept: a token's signature
by node:crypto instead of the library (16 to 6.5 µs to read a token), lookups that are collected up to 64 or for 20 ms, queries built once,
no parsing of plain IPv4, one random epoch a process. Tried and not kept: a young generation of 64 MiB (6 % less CPU, 4 KiB more a socket),
one of 32 MiB (nothing gained), single-threaded collection, maglev and baseline compilation from the start (within the noise of two runs).`,
  'publish-cpu': 'The peers have no such checks: theirs is a bare loop over the parsed body.',
};

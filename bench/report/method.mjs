/** How the bench measures, for the page. */
export const method = `The load, upstream and the measured program are separate processes on loopback. In a round each load runs on one target after the other, and each round starts with another target, so that other work on the machine affects all of them alike.

- **direct**: the load talks to upstream. **nginx**: a plain reverse proxy with one worker, bodies in memory, \`proxy_buffering off\`, upstream keep-alive, no access log. **bare Node**: Node's own \`http\` on both sides with a pipe between them (\`bench/targets/bare-node.mjs\`), the minimum cost on this runtime. **codex-pool**: as by \`npm start\`, with three made-up accounts.
- **CPU**: user and system time of all threads of the process, from \`/proc\`, while turns run in 4 lanes (2 for 16 MB). WebSocket turns run on 4 sockets, and their handshakes count. **CPU per event** counts from the first delta of the last stream to the end of all, so without their starts.
- **First byte**: from the first byte of the request to the first byte of the response's body, turn after turn. "Added" is the difference from direct in the same round.
- **In few reads**: upstream sends the response as one buffer with a \`content-length\`. **In chunks**: one chunk per event, all at once.
- **First delta**: 500 requests leave at the same moment, on new connections. Upstream sends the events up to the first delta at once; the figure is the time until that delta.
- **Largest gap**: the longest time between two events of each stream.
- **Failover**: upstream refuses the first request of each session with 429, then serves. Directly, the client sends the turn twice: those are the two round trips. "Failover added" is codex-pool's first byte, with one 429 on the way, less the direct figure of the same round. nginx and bare Node do not fail over.
- **zstd, 16 MB**: before each measurement one request checks by its digest that the body reaches upstream byte for byte.
- **Upstream over TLS**: upstream's certificate comes from a made-up authority; nginx does not verify it. The load talks to the proxies without TLS. bare Node's WebSocket is a tunnel that does not look at the bytes; codex-pool reads each message.
- **A year of records**: the database has 262,800 hourly sums and 1,000,000 turns. The other targets have no database, so they repeat the load without it.
- **Five pages**: five event streams (\`GET /admin/events\`) of codex-pool are open and read. The other targets repeat the load without them.
- **Start**: from the spawn of \`node dist/main.js\` until a turn, asked for again and again, is served with 200; cold: V8's compile cache is empty. **Memory** (resident set size): 1 s after the first served turn; 1 s after all loads of a round. The process lives through all rounds.
- **Event-loop delay**: in rounds of their own, because it costs CPU time, each load runs again with a timer of 1 ms in the measured process (\`perf_hooks.monitorEventLoopDelay\`, preloaded by \`bench/targets/loop-probe.mjs\`); the delay is how much later than 1 ms the timer fires. bare Node with the same probe is the control: on a busy machine its delay shows what the machine adds.`;

#pragma once

// One connection of a client, from greeting to end, in a thread of its own.
//
//   greet --> share, if that can be --> request, reply, request, ... --> the client hangs up
//
// Whatever goes wrong with one client ends its connection and nothing else. What a called method
// throws goes back to the caller.
//
// Death
//   client, before its request was whole     nothing was done
//   client, in the middle of a call          the call runs to its end, its result is thrown away
//   client, before it held a handle          the result was kept for it, and goes now
//   client, before it says that it has it     what the call took is given back (an item, a lock)
//   manager, before its reply                the client does not know whether the call was done
// Points: manager.reply.ready .sent

namespace multiprocessing {
class Connection;
}  // namespace multiprocessing

namespace multiprocessing::manager {

class ServerState;

/// Returns when the client has hung up, or is refused.
void serve_client(ServerState& server, const Connection& client) noexcept;

}  // namespace multiprocessing::manager

#pragma once

// Start method forkserver: a process of the program's own, executed anew at the first use, that has
// one thread and nothing in memory, and forks on request.
//
// One connected pair of sockets leads to it; the program's end is close-on-exec and closed in every
// forked child, so nobody else can ask. A request is (cookie, flags) with the descriptors of
//   ticket, life, the parent's life pipe, status pipe (write end), then the standard streams
// and the answer is (error, pid) with the child's pidfd. How the child ended is written into its
// status pipe by the server, whose child it is: exit code, or signal.
//
// Steps, and what a death at each leaves (P: the parent, S: the server, C: the child)
//
//   P claims a slot, asks     P dead: S is killed by P's life pipe; the slot is swept
//   S forks                   S dead before: the request is unread, or the status pipe is hung up
//                             and no pid in the slot: P asks a new server
//                             S out of descriptors after it: it kills and reaps C, P is told why
//   C closes what is S's, takes on the name, lets go of the status pipe, is born as ever
//   S answers                 S dead before: once the status pipe is hung up, the pid is in the
//                             slot, which P keeps from others: P takes C as it is, dead or alive
//   C ends, S writes status   S dead before: the slot tells the exit code, or the kernel
//                             (Linux 6.15), or it counts as killed
//
// Death of a server: the next start gets a new one. It ends with the program: its socket is at its
// end, and the life pipe kills it if it does not look.
//
// Points: process.request.sent .answered, process.server.asked .forked .answered,
//   process.served.born

#include <array>
#include <cstdint>
#include <memory>

#include "process/child.hpp"
#include "process/launch.hpp"
#include "shm/ticket.hpp"

namespace multiprocessing::process {

struct ServerRequest {
  shm::Cookie cookie;
  std::uint32_t own_group;
  std::uint32_t reserved;
};

struct ServerAnswer {
  std::int32_t error;
  std::int32_t pid;
};

/// What the server writes into the status pipe.
struct ServerStatus {
  std::int32_t code;
  std::int32_t signalled;
};

/// The order of the descriptors in a request; the streams that the ticket names follow.
inline constexpr std::size_t kRequestTicket = 0;
inline constexpr std::size_t kRequestLife = 1;
inline constexpr std::size_t kRequestSentinel = 2;
inline constexpr std::size_t kRequestStatus = 3;
inline constexpr std::size_t kRequestStreams = 4;

/// Start method forkserver.
[[nodiscard]] Launched launch_by_server(const LaunchOptions& options, const Work& work);

/// Executes the program as a server that listens on `socket`.
[[nodiscard]] std::shared_ptr<Child> spawn_server(int socket, const shm::Cookie& cookie);

/// Reaps the server if it has died.
void reap_server() noexcept;

/// In the server: answers requests until the program has gone. Returns in no case.
[[noreturn]] void serve(int socket, const shm::Cookie& cookie) noexcept;

}  // namespace multiprocessing::process
